import { malformed, untranslatable } from "../conversation/losses.ts";
import { flag, integer, isRecord, type JsonRecord, list, remaining, requiredText, text } from "../conversation/read.ts";

/** What is to be embedded, as a backend with other words than OpenAI's is told it. */
export interface EmbeddingsRequest {
  readonly texts: readonly EmbeddingsText[];
  readonly dimensions: number | undefined;
  /** The vendor field `task_type`, in Google's words (`RETRIEVAL_QUERY`, …). */
  readonly taskType: string | undefined;
  readonly title: string | undefined;
  /** Whether text that is too long is cut rather than refused. */
  readonly autoTruncate: boolean | undefined;
  readonly userId: string | undefined;
  /** Further fields, by name, unread; `messages` too, which stand in the place of `input`. */
  readonly extensions: JsonRecord;
}

/** A text, which may bring its own task type and title. */
export interface EmbeddingsText {
  readonly text: string;
  readonly taskType?: string | undefined;
  readonly title?: string | undefined;
}

const READ: ReadonlySet<string> = new Set([
  ...["model", "input", "dimensions", "encoding_format", "user"],
  ...["task_type", "title", "auto_truncate"],
]);

/** Reads a request: https://platform.openai.com/docs/api-reference/embeddings/create, and the fields that vendors add. */
export function readEmbeddingsRequest(document: JsonRecord): EmbeddingsRequest {
  const { input, messages } = document;
  const hasInput = input !== undefined && input !== null;
  const hasMessages = (list(messages, "messages") ?? []).length > 0;
  if (hasInput === hasMessages) throw malformed("input", "exactly one of input and messages must be given");
  return {
    texts: hasInput ? readInput(input) : [],
    dimensions: integer(document["dimensions"], "dimensions"),
    taskType: text(document["task_type"], "task_type"),
    title: text(document["title"], "title"),
    autoTruncate: flag(document["auto_truncate"], "auto_truncate"),
    userId: text(document["user"], "user"),
    extensions: remaining(document, READ),
  };
}

/** A text, an object with text, tokens, or an array of one of these. */
function readInput(input: unknown): readonly EmbeddingsText[] {
  if (!Array.isArray(input)) return readItem(input, "input");
  if (input.length === 0) throw malformed("input", "must not be empty");
  if (typeof input[0] === "number") throw tokens();
  return input.flatMap((item: unknown, index: number) => readItem(item, `input[${index}]`));
}

function readItem(item: unknown, path: string): readonly EmbeddingsText[] {
  if (Array.isArray(item)) throw tokens();
  if (!isRecord(item)) return [{ text: requiredText(item, path) }];
  const { content } = item;
  const taskType = text(item["task_type"], `${path}.task_type`);
  const title = text(item["title"], `${path}.title`);
  const pieces = Array.isArray(content) ? (list(content, `${path}.content`) ?? []) : [content];
  if (pieces.length === 0) throw malformed(`${path}.content`, "must not be empty");
  return pieces.map((piece) => ({ text: requiredText(piece, `${path}.content`), taskType, title }));
}

function tokens(): Error {
  return untranslatable("input", "tokens are not supported on this backend, only text");
}
