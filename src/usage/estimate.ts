import { emptyUsage, type TokenUsage } from "./token-usage.ts";

/** What is known of a stream that ended before its provider told the usage. */
export interface StreamSize {
  /** What the request is estimated to have, see {@link estimateInput}. */
  readonly inputTokens: number;
  /** Events that came, and their bytes together. */
  readonly events: number;
  readonly eventBytes: number;
  /** Bytes of what the model said, where that is known. */
  readonly textBytes?: number | undefined;
}

/** A token of English text is about four bytes (https://help.openai.com/en/articles/4936856). */
const BYTES_PER_TOKEN = 4;
/** What an event may weigh that carries one token: id, model, time, fingerprint and padding around a word. */
const EVENT_BYTES = 400;

/** A string of a request that is longer and in Base64 from its beginning to its end is an image, a sound or a document. */
const MEDIA_BYTES_MIN = 1024;
/** What such a string counts at most: as much as an image of the largest size that a model looks at
 * (https://platform.claude.com/docs/en/build-with-claude/vision#calculate-image-costs). */
const MEDIA_TOKENS_MAX = 1600;
const QUOTE = 0x22;

/**
 * Estimates the tokens of a request: one for every four bytes, but at most 1,600 for each string that is an image, a sound or
 * a document.
 */
export function estimateInput(body: Uint8Array): number {
  let tokens = 0;
  let counted = 0;
  let end = 0;
  // A string that is long enough cannot be stepped over.
  for (let at = MEDIA_BYTES_MIN; at < body.length; at += MEDIA_BYTES_MIN) {
    if (!isBase64(body[at] as number)) continue;
    if (end <= at) end = endOfString(body, at);
    const stop = endOfBase64(body, at, end);
    const start = stop === end ? startOfBase64(body, at, counted) : stop;
    at = stop;
    if (stop - start < MEDIA_BYTES_MIN) continue;
    tokens += (start - counted) / BYTES_PER_TOKEN + Math.min((end - start) / BYTES_PER_TOKEN, MEDIA_TOKENS_MAX);
    counted = end;
  }
  return Math.ceil(tokens + (body.length - counted) / BYTES_PER_TOKEN);
}

function endOfString(body: Uint8Array, from: number): number {
  const quote = body.indexOf(QUOTE, from);
  return quote < 0 ? body.length : quote;
}

/** As far as a look here and there tells: text has a space or a stop before long. */
function endOfBase64(body: Uint8Array, from: number, end: number): number {
  const near = Math.min(end, from + MEDIA_BYTES_MIN);
  for (let at = from; at < near; at++) if (!isBase64(body[at] as number)) return at;
  for (let at = near; at < end; at += MEDIA_BYTES_MIN) if (!isBase64(body[at] as number)) return at;
  return end;
}

function startOfBase64(body: Uint8Array, from: number, least: number): number {
  let at = from;
  while (at > least && isBase64(body[at - 1] as number)) at--;
  return at;
}

/** Of either alphabet (RFC 4648), and the escape of a slash that some writers of JSON make. */
function isBase64(byte: number): boolean {
  const letter = byte | 0x20;
  if (letter >= 0x61 && letter <= 0x7a) return true;
  if (byte >= 0x2f && byte <= 0x39) return true;
  return byte === 0x2b || byte === 0x2d || byte === 0x3d || byte === 0x5c || byte === 0x5f;
}

/**
 * Estimates the usage of a stream that was cut off, so that an answer that was not finished is not free.
 *
 * Output: providers send about one token an event, so one for each
 * event; those that gather several have larger events, so one more for every four bytes beyond 400 an event. Where the text itself
 * is known, a token for every four bytes of it.
 */
export function estimateUsage(size: StreamSize): TokenUsage {
  const { inputTokens } = size;
  const outputTokens = size.textBytes === undefined ? byEvents(size) : Math.ceil(size.textBytes / BYTES_PER_TOKEN);
  return { ...emptyUsage(), inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, estimated: true };
}

function byEvents({ events, eventBytes }: StreamSize): number {
  const text = Math.max(0, eventBytes - EVENT_BYTES * events);
  return events + Math.floor(text / BYTES_PER_TOKEN);
}
