import type { CacheControl, MediaPart, MediaSource, TextPart } from "../conversation.ts";
import { malformed } from "../losses.ts";
import { dataUrl, isRecord, type JsonRecord, record, requiredRecord, requiredText, text, wrongKind } from "../read.ts";

/** What a message may hold beside its author's own kinds of parts. */
export type ContentPart = TextPart | MediaPart;

/** Reads the content of a message: a text, or a list of parts. */
export function readContent(value: unknown, path: string): ContentPart[] {
  if (typeof value === "string") return [{ type: "text", text: value, path }];
  if (!Array.isArray(value)) throw wrongKind(value, path, "a string or an array of parts");
  return value.map((part: unknown, index: number) => readPart(part, `${path}[${index}]`));
}

/** Reads content that can only be text, as that of system messages. */
export function readTextContent(value: unknown, path: string): TextPart[] {
  return readContent(value, path).map((part, index) => {
    if (part.type !== "text") throw malformed(`${path}[${index}].type`, "must be text here");
    return part;
  });
}

/** https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages; audio_url and video_url are vLLM's:
 * https://docs.vllm.ai/en/latest/features/multimodal_inputs.html */
function readPart(value: unknown, path: string): ContentPart {
  if (typeof value === "string") return { type: "text", text: value, path };
  const part = requiredRecord(value, path);
  const place = { path, cache: cacheControl(part, path) };
  switch (part["type"]) {
    case "text":
      return { type: "text", text: requiredText(part["text"], `${path}.text`), ...place };
    case "image_url":
      return { ...readImage(part["image_url"], `${path}.image_url`), ...place };
    case "input_audio":
      return { type: "audio", source: readAudio(part["input_audio"], `${path}.input_audio`), ...place };
    case "audio_url":
      return { type: "audio", source: sourceOf(urlIn(part["audio_url"], `${path}.audio_url`), path), ...place };
    case "video_url":
      return { type: "video", source: sourceOf(urlIn(part["video_url"], `${path}.video_url`), path), ...place };
    case "file":
      return { ...readFile(requiredRecord(part["file"], `${path}.file`), `${path}.file`), ...place };
    default:
      throw malformed(`${path}.type`, `${JSON.stringify(part["type"])} is no part that can be sent in this message`);
  }
}

/** Reads `cache_control`, undefined where there is none. https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching */
export function cacheControl(holder: JsonRecord, holderPath: string): CacheControl | undefined {
  const path = `${holderPath}.cache_control`;
  const control = record(holder["cache_control"], path);
  if (control === undefined) return undefined;
  if (control["type"] !== "ephemeral") throw malformed(`${path}.type`, 'must be "ephemeral"');
  const ttl = control["ttl"] ?? undefined;
  if (ttl !== undefined && ttl !== "5m" && ttl !== "1h") throw malformed(`${path}.ttl`, 'must be "5m" or "1h"');
  return { ttl };
}

function readImage(value: unknown, path: string): MediaPart {
  const source = sourceOf(urlIn(value, path), path);
  const detail = isRecord(value) ? text(value["detail"], `${path}.detail`) : undefined;
  // Callers send documents this way too, as other gateways take them.
  return isPdf(source) ? { type: "document", source } : { type: "image", source, detail };
}

/** `{url}` as OpenAI has it, or the bare URL that many servers take. */
function urlIn(value: unknown, path: string): string {
  const url = requiredText(isRecord(value) ? value["url"] : value, isRecord(value) ? `${path}.url` : path);
  if (url.trim() === "") throw malformed(path, "the URL is empty");
  return url.trim();
}

/** Where the media at a URL is, or what it is: a `data:` URL is taken apart. */
export function sourceOf(url: string, path: string): MediaSource {
  if (!isDataUrl(url)) return { kind: "url", url, mimeType: undefined };
  const decoded = dataUrl(url);
  if (decoded === undefined) throw malformed(path, "the data URL has no comma before its data");
  return bytesSource(decoded.mimeType, decoded.data, path);
}

const MIME_SYNONYMS: Readonly<Record<string, string>> = { "image/jpg": "image/jpeg", "audio/x-wav": "audio/wav" };
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Vendors want standard base64 on one line; what is URL-safe, unpadded or broken into lines is mended. */
export function bytesSource(mimeType: string, given: string, path: string): MediaSource {
  const data = given.length % 4 === 0 && BASE64.test(given) ? given : mendBase64(given);
  if (data === "") throw malformed(path, "the data is empty");
  if (data.length % 4 !== 0 || !BASE64.test(data)) throw malformed(path, "the data is not base64");
  return { kind: "bytes", mimeType: MIME_SYNONYMS[mimeType] ?? mimeType, data };
}

function mendBase64(given: string): string {
  const padded = given.replace(/\s/g, "").replaceAll("-", "+").replaceAll("_", "/");
  // No regular expression: one for a run at the end takes quadratic time on runs that are not.
  let length = padded.length;
  while (length > 0 && padded[length - 1] === "=") length--;
  const digits = padded.slice(0, length);
  return length % 4 === 1 ? digits : digits.padEnd(Math.ceil(length / 4) * 4, "=");
}

const AUDIO_TYPES: Readonly<Record<string, string>> = { mp3: "audio/mpeg", m4a: "audio/mp4", pcm16: "audio/pcm" };

/** Reads a sound: https://platform.openai.com/docs/guides/audio. The format is a word, not a MIME type. */
export function readAudio(value: unknown, path: string): MediaSource {
  const audio = requiredRecord(value, path);
  const data = requiredText(audio["data"], `${path}.data`);
  if (isDataUrl(data)) return sourceOf(data, `${path}.data`);
  const format = requiredText(audio["format"], `${path}.format`).toLowerCase();
  return bytesSource(AUDIO_TYPES[format] ?? `audio/${format}`, data, `${path}.data`);
}

/** Reads a file by its id or data: https://platform.openai.com/docs/guides/pdf-files */
export function readFile(file: JsonRecord, path: string): MediaPart {
  const name = text(file["filename"], `${path}.filename`);
  const id = text(file["file_id"], `${path}.file_id`);
  if (id !== undefined) return { type: "document", source: { kind: "file-id", id }, name };
  const data = requiredText(file["file_data"], `${path}.file_data`);
  const unlabelled = name?.toLowerCase().endsWith(".pdf") === true ? "application/pdf" : "";
  const source = isDataUrl(data)
    ? sourceOf(data, `${path}.file_data`)
    : bytesSource(unlabelled, data, `${path}.file_data`);
  const [kind] = (source.kind === "bytes" ? source.mimeType : "").split("/");
  const type = kind === "image" || kind === "audio" || kind === "video" ? kind : "document";
  return { type, source, name };
}

function isDataUrl(text: string): boolean {
  return text.slice(0, 5).toLowerCase() === "data:";
}

function isPdf(source: MediaSource): boolean {
  if (source.kind === "bytes") return source.mimeType === "application/pdf";
  return source.kind === "url" && /\.pdf([?#]|$)/i.test(source.url);
}
