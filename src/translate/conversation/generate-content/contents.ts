import { bytesSource } from "../chat-completions/content.ts";
import type {
  AssistantPart,
  MediaPart,
  TextPart,
  ToolCallPart,
  ToolResultPart,
  Turn,
  UserPart,
} from "../conversation.ts";
import { malformed } from "../losses.ts";
import { flag, type JsonRecord, list, record, requiredList, requiredRecord, requiredText, text } from "../read.ts";
import { member } from "./member.ts";

/** Reads the contents of a request: https://ai.google.dev/api/caching#Content */
export function readTurns(given: unknown): Turn[] {
  const reader = new ContentsReader();
  return requiredList(given, "contents").map((content, i) => {
    const path = `contents[${i}]`;
    return reader.turn(requiredRecord(content, path), path);
  });
}

interface OpenCall {
  readonly id: string;
  readonly name: string;
}

/** Gemini matches results with calls by their names where there are no ids; other dialects want ids. */
class ContentsReader {
  #calls = 0;
  /** Calls without a result so far, in order. */
  #open: OpenCall[] = [];

  turn(content: JsonRecord, path: string): Turn {
    const role = text(content["role"], `${path}.role`) ?? "user";
    const given = list(content["parts"], `${path}.parts`) ?? [];
    const parts = given.map((part, i) => [requiredRecord(part, `${path}.parts[${i}]`), `${path}.parts[${i}]`] as const);
    switch (role) {
      case "model":
        return { role: "assistant", parts: joinThinking(parts.flatMap(([part, at]) => this.#modelPart(part, at))) };
      case "user":
      case "function":
      case "":
        return { role: "user", parts: parts.flatMap(([part, at]) => this.#userPart(part, at)) };
      default:
        throw malformed(`${path}.role`, `must be "user" or "model", not ${JSON.stringify(role)}`);
    }
  }

  #userPart(part: JsonRecord, path: string): UserPart[] {
    const result = record(member(part, "functionResponse"), `${path}.functionResponse`);
    return result === undefined
      ? readPart(part, path)
      : [{ ...this.#result(result, `${path}.functionResponse`), path }];
  }

  #modelPart(part: JsonRecord, path: string): AssistantPart[] {
    const signature = text(member(part, "thoughtSignature"), `${path}.thoughtSignature`);
    const call = record(member(part, "functionCall"), `${path}.functionCall`);
    if (call !== undefined) return [{ ...this.#call(call, signature, `${path}.functionCall`), path }];
    if (flag(part["thought"], `${path}.thought`) !== true) return readPart(part, path);
    return [{ type: "thinking", text: text(part["text"], `${path}.text`) ?? "", signature, path }];
  }

  #call(call: JsonRecord, signature: string | undefined, path: string): ToolCallPart {
    const name = requiredText(call["name"], `${path}.name`);
    const id = text(call["id"], `${path}.id`) || `call_${this.#calls}`;
    this.#calls += 1;
    this.#open.push({ id, name });
    const args = JSON.stringify(record(call["args"], `${path}.args`) ?? {});
    return { type: "tool-call", id, name, arguments: args, signature };
  }

  #result(result: JsonRecord, path: string): ToolResultPart {
    const name = requiredText(result["name"], `${path}.name`);
    const id = text(result["id"], `${path}.id`) || this.#open.find((call) => call.name === name)?.id;
    if (id === undefined) throw malformed(path, `answers no functionCall of ${JSON.stringify(name)} before it`);
    this.#open = this.#open.filter((call) => call.id !== id);
    const response = record(result["response"], `${path}.response`) ?? {};
    const more = list(result["parts"], `${path}.parts`) ?? [];
    return {
      type: "tool-result",
      id,
      parts: [
        { type: "text", text: resultText(response) },
        ...more.flatMap((part, i) => readPart(requiredRecord(part, `${path}.parts[${i}]`), `${path}.parts[${i}]`)),
      ],
      isError: response["error"] !== undefined && response["output"] === undefined,
    };
  }
}

/** Thinking that was streamed comes back in pieces, of which the last has the signature of them all. */
function joinThinking(parts: readonly AssistantPart[]): AssistantPart[] {
  const joined: AssistantPart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part.type === "thinking" && last?.type === "thinking" && last.signature === undefined) {
      joined[joined.length - 1] = { ...last, text: last.text + part.text, signature: part.signature };
    } else {
      joined.push(part);
    }
  }
  return joined;
}

/** What a function gave back: the text under one of the names that Google suggests, else all of it as JSON. */
function resultText(response: JsonRecord): string {
  const [key, ...more] = Object.keys(response);
  const value = key === undefined ? undefined : response[key];
  if (more.length > 0 || typeof value !== "string") return JSON.stringify(response);
  return key === "output" || key === "result" || key === "error" ? value : JSON.stringify(response);
}

/** Text, bytes or a file; code that the model has run is told as text. */
function readPart(part: JsonRecord, path: string): (TextPart | MediaPart)[] {
  const said = text(part["text"], `${path}.text`);
  if (said !== undefined) return [{ type: "text", text: said, path }];
  const inline = record(member(part, "inlineData"), `${path}.inlineData`);
  if (inline !== undefined) {
    const mimeType = text(member(inline, "mimeType"), `${path}.inlineData.mimeType`) ?? "";
    const data = requiredText(inline["data"], `${path}.inlineData.data`);
    const name = text(member(inline, "displayName"), `${path}.inlineData.displayName`);
    return [{ type: mediaType(mimeType), source: bytesSource(mimeType, data, `${path}.inlineData.data`), name, path }];
  }
  const file = record(member(part, "fileData"), `${path}.fileData`);
  if (file !== undefined) {
    const mimeType = text(member(file, "mimeType"), `${path}.fileData.mimeType`);
    const url = requiredText(member(file, "fileUri"), `${path}.fileData.fileUri`);
    return [{ type: mediaType(mimeType ?? ""), source: { kind: "url", url, mimeType }, path }];
  }
  const code = record(member(part, "executableCode"), `${path}.executableCode`);
  if (code !== undefined)
    return [{ type: "text", text: text(code["code"], `${path}.executableCode.code`) ?? "", path }];
  const ran = record(member(part, "codeExecutionResult"), `${path}.codeExecutionResult`);
  if (ran !== undefined)
    return [{ type: "text", text: text(ran["output"], `${path}.codeExecutionResult.output`) ?? "", path }];
  if (Object.keys(part).every((key) => key === "thoughtSignature" || key === "thought_signature")) return [];
  throw malformed(path, "is a part of a kind that is not known");
}

function mediaType(mimeType: string): MediaPart["type"] {
  const kind = mimeType.slice(0, mimeType.indexOf("/"));
  return kind === "image" || kind === "audio" || kind === "video" ? kind : "document";
}
