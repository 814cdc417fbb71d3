import { isRecord, type JsonRecord } from "../read.ts";
import { camelCased } from "./member.ts";

/** Members with numbers that Google's JSON writes as strings (64-bit integers): https://protobuf.dev/programming-guides/json/ */
const COUNTS: ReadonlySet<string> = new Set([
  "minItems",
  "maxItems",
  "minLength",
  "maxLength",
  "minProperties",
  "maxProperties",
]);

/**
 * A schema of Gemini's (types in capitals, `nullable`) as JSON Schema: https://ai.google.dev/api/caching#Schema
 * What is JSON Schema already stays as it is.
 */
export function fromSchema(given: unknown): unknown {
  if (!isRecord(given)) return given;
  const { nullable, propertyOrdering: _, example, ...schema } = camelCased(given);
  const written = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, convert(key, value)]));
  if (example !== undefined) written["examples"] = [example];
  return nullable === true ? withNull(written) : written;
}

function convert(key: string, value: unknown): unknown {
  if (key === "type" && typeof value === "string") return value.toLowerCase();
  if (key === "items") return fromSchema(value);
  if (key === "anyOf" && Array.isArray(value)) return value.map(fromSchema);
  if (key === "properties" && isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fromSchema(item)]));
  }
  return COUNTS.has(key) && typeof value === "string" ? Number(value) : value;
}

function withNull(schema: JsonRecord): JsonRecord {
  const { type, anyOf } = schema;
  if (Array.isArray(anyOf)) return { ...schema, anyOf: [...anyOf, { type: "null" }] };
  return typeof type === "string" ? { ...schema, type: [type, "null"] } : schema;
}
