/**
 * Small typed readers of a caller's parsed JSON. Each takes the value and its path in the request, gives undefined for what is
 * absent or null, and throws `invalid_request` with the path for what has another type.
 */
import { malformed } from "./losses.ts";

/** A JSON object whose members are not known yet. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a JSON value is, as an error says it: `a string`, `null`, `an array`. */
export function kindOf(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** A string. */
export function text(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw wrongKind(value, path, "a string");
  return value;
}

/** A number. */
export function number(value: unknown, path: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number") throw wrongKind(value, path, "a number");
  return value;
}

/** A whole number. */
export function integer(value: unknown, path: string): number | undefined {
  const read = number(value, path);
  if (read !== undefined && !Number.isInteger(read)) throw malformed(path, "must be a whole number");
  return read;
}

/** A boolean. */
export function flag(value: unknown, path: string): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "boolean") throw wrongKind(value, path, "a boolean");
  return value;
}

/** An object. */
export function record(value: unknown, path: string): JsonRecord | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value)) throw wrongKind(value, path, "an object");
  return value;
}

/** An array. */
export function list(value: unknown, path: string): readonly unknown[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw wrongKind(value, path, "an array");
  return value;
}

/** A string that must be there. */
export function requiredText(value: unknown, path: string): string {
  const read = text(value, path);
  if (read === undefined) throw wrongKind(value, path, "a string");
  return read;
}

/** An object that must be there. */
export function requiredRecord(value: unknown, path: string): JsonRecord {
  const read = record(value, path);
  if (read === undefined) throw wrongKind(value, path, "an object");
  return read;
}

/** An array that must be there. */
export function requiredList(value: unknown, path: string): readonly unknown[] {
  const read = list(value, path);
  if (read === undefined) throw wrongKind(value, path, "an array");
  return read;
}

/** The error for a value of another type than its path wants. */
export function wrongKind(value: unknown, path: string, wanted: string): Error {
  return malformed(
    path,
    value === undefined ? `must be ${wanted} and is missing` : `must be ${wanted}, not ${kindOf(value)}`,
  );
}

/** A document without the fields that were read from it; what is null says nothing and is left out. */
export function remaining(document: JsonRecord, read: ReadonlySet<string>): JsonRecord {
  return Object.fromEntries(
    Object.entries(document).filter(([key, value]) => !read.has(key) && value !== null && value !== undefined),
  );
}

/** A `data:` URL taken apart, undefined for any other text: https://www.rfc-editor.org/rfc/rfc2397 */
export function dataUrl(url: string): { readonly mimeType: string; readonly data: string } | undefined {
  if (url.slice(0, 5).toLowerCase() !== "data:") return undefined;
  const comma = url.indexOf(",");
  if (comma === -1) return undefined;
  const [mimeType = "", ...parameters] = url.slice(5, comma).split(";");
  const rest = url.slice(comma + 1);
  const isBase64 = parameters.some((parameter) => parameter.trim().toLowerCase() === "base64");
  const data = isBase64 ? rest : Buffer.from(unescapeUrl(rest)).toString("base64");
  return { mimeType: mimeType.trim().toLowerCase(), data };
}

function unescapeUrl(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray % stands for itself, as browsers have it.
    return text;
  }
}
