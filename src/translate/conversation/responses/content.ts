import { cacheControl, readAudio, readFile, sourceOf } from "../chat-completions/content.ts";
import type { MediaPart, RefusalPart, TextPart } from "../conversation.ts";
import { malformed } from "../losses.ts";
import { type JsonRecord, requiredRecord, requiredText, text, wrongKind } from "../read.ts";

/** What a message or a tool's output may hold. */
export type ContentPart = TextPart | MediaPart | RefusalPart;

/** Reads the content of a message or the output of a function: a text, or a list of parts. */
export function readContent(value: unknown, path: string): ContentPart[] {
  if (typeof value === "string") return value === "" ? [] : [{ type: "text", text: value, path }];
  if (!Array.isArray(value)) throw wrongKind(value, path, "a string or an array of parts");
  return value.map((part: unknown, index: number) => readPart(part, `${path}[${index}]`));
}

/** Reads content of one kind of author, who says nothing but these parts. */
export function readContentOf<Type extends ContentPart["type"]>(
  value: unknown,
  path: string,
  types: readonly Type[],
): Extract<ContentPart, { type: Type }>[] {
  const isOne = (part: ContentPart): part is Extract<ContentPart, { type: Type }> =>
    types.some((type) => type === part.type);
  return readContent(value, path).map((part, index) => {
    if (!isOne(part)) throw malformed(`${path}[${index}].type`, "is no part that can be sent here");
    return part;
  });
}

/** https://platform.openai.com/docs/api-reference/responses/create#responses-create-input */
function readPart(value: unknown, path: string): ContentPart {
  const part = requiredRecord(value, path);
  const place = { path, cache: cacheControl(part, path) };
  switch (part["type"]) {
    case "input_text":
    case "output_text":
    case "text":
      return { type: "text", text: requiredText(part["text"], `${path}.text`), ...place };
    case "refusal":
      return { type: "refusal", text: requiredText(part["refusal"], `${path}.refusal`), path };
    case "input_image":
      return { ...readImage(part, path), ...place };
    case "input_file":
      return { ...readDocument(part, path), ...place };
    case "input_audio":
      return { type: "audio", source: readAudio(part["input_audio"], `${path}.input_audio`), ...place };
    default:
      throw malformed(`${path}.type`, `${JSON.stringify(part["type"])} is no part that can be sent here`);
  }
}

/** https://platform.openai.com/docs/guides/images-vision */
function readImage(part: JsonRecord, path: string): MediaPart {
  const detail = text(part["detail"], `${path}.detail`);
  const id = text(part["file_id"], `${path}.file_id`);
  if (id !== undefined) return { type: "image", source: { kind: "file-id", id }, detail };
  const url = requiredText(part["image_url"], `${path}.image_url`).trim();
  if (url === "") throw malformed(`${path}.image_url`, "the URL is empty");
  return { type: "image", source: sourceOf(url, `${path}.image_url`), detail };
}

/** https://platform.openai.com/docs/guides/pdf-files */
function readDocument(part: JsonRecord, path: string): MediaPart {
  const url = text(part["file_url"], `${path}.file_url`);
  if (url === undefined) return readFile(part, path);
  return {
    type: "document",
    source: sourceOf(url.trim(), `${path}.file_url`),
    name: text(part["filename"], `${path}.filename`),
  };
}
