import { emptyUsage, type TokenUsage } from "./token-usage.ts";

/** What is known of a stream that ended before its provider told the usage. */
export interface StreamSize {
  /** The request's body. */
  readonly requestBytes: number;
  /** Events that came, and their bytes together. */
  readonly events: number;
  readonly eventBytes: number;
}

/** A token of English text is about four bytes (https://help.openai.com/en/articles/4936856). */
const BYTES_PER_TOKEN = 4;
/** What an event may weigh that carries one token: id, model, time, fingerprint and padding around a word. */
const EVENT_BYTES = 400;

/**
 * Estimates the usage of a stream that was cut off, so that an answer that was not finished is not free.
 *
 * Input: a token for every four bytes of the request. Output: providers send about one token an event, so one for each
 * event; those that gather several have larger events, so one more for every four bytes beyond 400 an event.
 */
export function estimateUsage(size: StreamSize): TokenUsage {
  const { requestBytes, events, eventBytes } = size;
  const inputTokens = Math.ceil(requestBytes / BYTES_PER_TOKEN);
  const text = Math.max(0, eventBytes - EVENT_BYTES * events);
  const outputTokens = events + Math.floor(text / BYTES_PER_TOKEN);
  return { ...emptyUsage(), inputTokens, outputTokens, totalTokens: inputTokens + outputTokens, estimated: true };
}
