import type { Content, Part } from "../../apischema/gcp/generate-content.ts";
import type {
  AssistantTurn,
  Conversation,
  ThinkingPart,
  ToolCallPart,
  ToolResultPart,
  UserTurn,
} from "../conversation/conversation.ts";
import { type Losses, untranslatable } from "../conversation/losses.ts";
import { isRecord } from "../conversation/read.ts";
import { writeMedia } from "./media.ts";
import type { GeminiModel } from "./model-version.ts";

/**
 * Stands for the signature of a call that Gemini has not made itself, which its newer models otherwise refuse: base64 of
 * `skip_thought_signature_validator` (https://ai.google.dev/gemini-api/docs/thought-signatures#faqs).
 */
const NO_SIGNATURE = Buffer.from("skip_thought_signature_validator").toString("base64");

const BASE64 = /^[\w+/-]+={0,2}$/;

/** The turns of a conversation, alternating between the user and the model. */
export function writeContents({ turns }: Conversation, model: GeminiModel, losses: Losses): Content[] {
  return new ContentsWriter(model, losses).write(turns);
}

interface KnownCall {
  readonly name: string;
  /** Place among all calls. */
  readonly index: number;
}

class ContentsWriter {
  readonly #model: GeminiModel;
  readonly #losses: Losses;
  readonly #contents: Content[] = [];
  readonly #calls = new Map<string, KnownCall>();
  /** The user's content that is being gathered. Results are told apart by name and order only, so they get the calls' order. */
  #results: { readonly index: number; readonly part: Part }[] = [];
  #said: Part[] = [];
  /** The model's content that is being gathered. */
  #answered: Part[] = [];

  constructor(model: GeminiModel, losses: Losses) {
    this.#model = model;
    this.#losses = losses;
  }

  write(turns: readonly (UserTurn | AssistantTurn)[]): Content[] {
    for (const turn of turns) {
      if (turn.role === "user") this.#user(turn);
      else this.#assistant(turn);
    }
    this.#endUser();
    this.#endModel();
    return this.#contents;
  }

  /** Turns that say nothing do not come between others. */
  #endUser(): void {
    const results = this.#results.sort((a, b) => a.index - b.index).map(({ part }) => part);
    const parts = [...results, ...this.#said];
    if (parts.length === 0) return;
    this.#endModel();
    this.#contents.push({ role: "user", parts });
    this.#results = [];
    this.#said = [];
  }

  #endModel(): void {
    if (this.#answered.length === 0) return;
    this.#contents.push({ role: "model", parts: this.#answered });
    this.#answered = [];
  }

  #user({ parts }: UserTurn): void {
    for (const part of parts) {
      if (part.cache !== undefined) this.#losses.dropIn(part, "cache");
      if (part.type === "tool-result") this.#result(part);
      else this.#say(part);
    }
  }

  #say(part: Exclude<UserTurn["parts"][number], ToolResultPart>): void {
    const written = part.type === "text" ? textPart(part.text) : writeMedia(part, this.#model, this.#losses);
    if (written !== undefined) this.#said.push(written);
  }

  /** What is no text in a result follows it as if the user had said it. */
  #result(result: ToolResultPart): void {
    const { id, parts, isError } = result;
    const call = this.#calls.get(id);
    if (call === undefined) {
      const path = this.#losses.pathIn(result, "tool-result.id");
      throw untranslatable(path, `no call of a tool before has the id ${JSON.stringify(id)}`);
    }
    const text = parts.map((part) => (part.type === "text" ? part.text : "")).join("");
    const response = isError ? { error: text } : { output: text };
    this.#results.push({ index: call.index, part: { functionResponse: { name: call.name, response } } });
    for (const part of parts) if (part.type !== "text") this.#say(part);
  }

  #assistant({ parts }: AssistantTurn): void {
    const written: Part[] = [];
    const signer = new Signer(parts, this.#model, this.#losses);
    for (const part of parts) {
      if ("cache" in part && part.cache !== undefined) this.#losses.dropIn(part, "cache");
      switch (part.type) {
        case "thinking":
          signer.take(part.signature, part);
          if (part.text !== "") written.push({ text: part.text, thought: true });
          break;
        case "redacted-thinking":
          this.#losses.dropIn(part);
          break;
        case "tool-call":
          written.push({ functionCall: this.#call(part), ...signer.ofCall(part) });
          break;
        case "text":
        case "refusal":
          if (part.text !== "") written.push({ text: part.text, ...signer.ofText() });
          break;
        default: {
          const media = writeMedia(part, this.#model, this.#losses);
          if (media !== undefined) written.push(media);
        }
      }
    }
    signer.signLast(written);
    if (written.length === 0) return;
    this.#endUser();
    this.#answered.push(...written);
  }

  #call(call: ToolCallPart): { name: string; args: object } {
    const { id, name } = call;
    if (id === "")
      throw untranslatable(this.#losses.pathIn(call, "tool-call.id"), `the call of ${JSON.stringify(name)} has no id`);
    this.#calls.set(id, { name, index: this.#calls.size });
    return { name, args: parseArguments(call, this.#losses) };
  }
}

/**
 * Puts signatures where Gemini has sent them: on the first call, else on the text. Other dialects carry them with the
 * thinking before (or, in streams, after) it.
 */
class Signer {
  readonly #losses: Losses;
  readonly #hasCalls: boolean;
  #given: string | undefined;
  /** The path of what is given. */
  #givenPath = "";
  /** What the first call gets that has none. */
  #substitute: string | undefined;

  constructor(parts: AssistantTurn["parts"], model: GeminiModel, losses: Losses) {
    this.#losses = losses;
    this.#hasCalls = parts.some(({ type }) => type === "tool-call");
    this.#substitute = model.isAtLeast(3, 0) ? NO_SIGNATURE : undefined;
  }

  take(signature: string | undefined, part: ThinkingPart | ToolCallPart): void {
    if (signature === undefined || signature === "") return;
    const path = this.#losses.pathIn(part, `${part.type}.signature`);
    if (!BASE64.test(signature)) this.#losses.dropPath(path);
    else if (this.#given === undefined) {
      this.#given = signature;
      this.#givenPath = path;
    }
  }

  ofCall(call: ToolCallPart): Part {
    const { signature } = call;
    if (signature !== undefined) this.#given = undefined;
    this.take(signature, call);
    const found = this.#given ?? this.#substitute;
    this.#given = undefined;
    this.#substitute = undefined;
    return signed(found);
  }

  ofText(): Part {
    if (this.#hasCalls) return {};
    const found = this.#given;
    this.#given = undefined;
    return signed(found);
  }

  /** A signature that comes after the text it belongs to. */
  signLast(parts: Part[]): void {
    if (this.#given === undefined || this.#hasCalls) return;
    const last = parts.findLastIndex(({ text, thought }) => text !== undefined && thought !== true);
    const part = parts[last];
    if (part === undefined) this.#losses.dropPath(this.#givenPath);
    else parts[last] = { ...part, ...signed(this.#given) };
  }
}

function signed(signature: string | undefined): Part {
  return signature === undefined ? {} : { thoughtSignature: signature };
}

function textPart(text: string): Part | undefined {
  return text === "" ? undefined : { text };
}

function parseArguments(call: ToolCallPart, losses: Losses): object {
  const { name, arguments: text } = call;
  if (text.trim() === "") return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The same answer as for JSON that is no object.
  }
  if (isRecord(parsed)) return parsed;
  throw untranslatable(
    losses.pathIn(call, "tool-call.arguments"),
    `the arguments of ${JSON.stringify(name)} are not a JSON object`,
  );
}
