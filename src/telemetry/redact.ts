/** What a debug log may show of headers and bodies: their shape, never their content. */
import type { HeaderMap } from "../wire/headers.ts";

/** Headers whose values are shown. A list of what is harmless, not of what is secret: the header that carries a
 * credential can be chosen in the configuration, and a new provider's would be missing from a list of secrets. */
const SHOWN_HEADERS = new Set([
  "accept",
  "accept-encoding",
  "age",
  "allow",
  "anthropic-beta",
  "anthropic-version",
  "cache-control",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "date",
  "host",
  "openai-beta",
  "openai-processing-ms",
  "openai-version",
  "retry-after",
  "server",
  "traceparent",
  "transfer-encoding",
  "user-agent",
  "vary",
  "via",
  "x-ai-eg-model",
  "x-request-id",
]);

/** Families of such headers: counters of rate limits. */
const SHOWN_PREFIXES = ["x-ratelimit-", "anthropic-ratelimit-"];

const REDACTED = "[REDACTED]";

/** Longest body that is taken apart. */
const BODY_BYTES_MAX = 256 * 1024;

/** Longest description of a body. */
const SHAPE_LENGTH_MAX = 900;

const DEPTH_MAX = 12;

/** Elements of an array, and members of an object, that are described one by one. */
const ELEMENTS_MAX = 8;
const MEMBERS_MAX = 64;

/** A member name that a format chose; any other may be content. */
const FIELD_NAME = /^[A-Za-z_$][\w$.-]{0,47}$/;

/** Headers as one text, `name: value` each; values that are not known to be harmless are masked. */
export function redactHeaders(headers: HeaderMap): string {
  const { flat } = headers;
  const shown: string[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = (flat[i] as string).toLowerCase();
    shown.push(`${name}: ${isShown(name) ? flat[i + 1] : REDACTED}`);
  }
  return shown.join("; ");
}

function isShown(name: string): boolean {
  return SHOWN_HEADERS.has(name) || SHOWN_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/**
 * Describes a body by its length and, where it is JSON, its structure: every value is replaced by its kind, a text by its
 * length. Nothing of the content can be told from it, and there are no hashes that a guess could be held against.
 */
export function redactBody(body: Uint8Array): string {
  const length = `${body.length} bytes`;
  if (body.length === 0 || body.length > BODY_BYTES_MAX) return length;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString());
  } catch {
    // Not JSON (an event stream, say): its length is all there is to tell.
    return length;
  }
  const shape = describe(value, 0);
  return `${length}: ${shape.length > SHAPE_LENGTH_MAX ? `${shape.slice(0, SHAPE_LENGTH_MAX)}...` : shape}`;
}

function describe(value: unknown, depth: number): string {
  if (value === null) return "null";
  if (typeof value === "string") return `string(${value.length})`;
  if (typeof value !== "object") return typeof value;
  if (depth >= DEPTH_MAX) return "...";
  return Array.isArray(value) ? describeArray(value, depth) : describeObject(value, depth);
}

function describeArray(array: readonly unknown[], depth: number): string {
  const shown = array.slice(0, ELEMENTS_MAX).map((element) => describe(element, depth + 1));
  if (array.length > ELEMENTS_MAX) shown.push(`${array.length - ELEMENTS_MAX} more`);
  return `[${shown.join(", ")}]`;
}

function describeObject(object: object, depth: number): string {
  const members = Object.entries(object);
  const shown = members
    .slice(0, MEMBERS_MAX)
    .map(([name, value]) => `${FIELD_NAME.test(name) ? name : `name(${name.length})`}: ${describe(value, depth + 1)}`);
  if (members.length > MEMBERS_MAX) shown.push(`${members.length - MEMBERS_MAX} more`);
  return `{${shown.join(", ")}}`;
}
