import { GatewayError } from "../errors/gateway-error.ts";

const SLASH = 0x2f;

/** `/prefix/operation`; slashes around the prefix do not matter, and without a prefix it is `v1`. */
export function joinPath(prefix: string | undefined, operation: string): string {
  if (prefix === undefined) return `/v1/${operation}`;
  let start = 0;
  let end = prefix.length;
  while (start < end && prefix.charCodeAt(start) === SLASH) start++;
  while (end > start && prefix.charCodeAt(end - 1) === SLASH) end--;
  return start === end ? `/${operation}` : `/${prefix.slice(start, end)}/${operation}`;
}

/** The longest ARN of a model has a quarter of this. */
const MODEL_CHARS_MAX = 2048;
const SHOWN_CHARS = 100;

/** A control character, or a step `.` or `..` between slashes, however often servers may decode a path before they walk it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const HOSTILE = /[\x00-\x1f\x7f]|(?:^|[\\/]|%(?:25)*(?:2f|5c))(?:\.|%(?:25)*2e){1,2}(?:$|[\\/]|%(?:25)*(?:2f|5c))/i;

/**
 * A model name as one segment of a path (RFC 3986 section 3.3); `:` and `@` stay, as they are common in model names.
 *
 * @throws GatewayError `invalid_request` for names that servers would take for a step in the path.
 */
export function pathSegment(model: string): string {
  if (model === "" || model.length > MODEL_CHARS_MAX || HOSTILE.test(model)) {
    const shown = model.length > SHOWN_CHARS ? `${model.slice(0, SHOWN_CHARS)}…` : model;
    throw new GatewayError("invalid_request", `invalid request body: ${JSON.stringify(shown)} is not a model name`);
  }
  return encodeURIComponent(model.toWellFormed()).replaceAll("%3A", ":").replaceAll("%40", "@");
}
