/**
 * Envoy's configuration as JSON, the way Envoy documents it (https://protobuf.dev/programming-guides/json/), to and from
 * google.protobuf.Any, the way the discovery service carries it.
 */
import { create, type DescField, type DescMessage, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Any, AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import { registry } from "../gen/registry.ts";

/** JSON that is not the message it should be; the message says where and why. */
export class PackError extends Error {
  override readonly name = "PackError";
}

/**
 * Packs the JSON of a message, with `@type` in whatever is an Any inside it. `typeName` is the full name without the prefix,
 * e.g. `envoy.config.cluster.v3.Cluster`. Throws a PackError that names the field at fault.
 */
export function toAny(typeName: string, json: JsonValue): Any {
  const desc = registry.getMessage(typeName);
  if (desc === undefined) throw new PackError(`${typeName}: no such type in src/gen`);
  try {
    return anyPack(desc, fromJson(desc, json, { registry }));
  } catch (error) {
    const { path, reason } = locate(desc, json, "") ?? { path: "", reason: reasonOf(error) };
    throw new PackError(`${typeName}${path}: ${reason}`, { cause: error });
  }
}

/** The JSON of a packed message with `@type`, field names as Envoy's documentation has them. */
export function fromAny(any: Any): JsonValue {
  return toJson(AnySchema, create(AnySchema, any), { registry, useProtoFieldName: true });
}

interface Located {
  /** `.field[0].field`. */
  readonly path: string;
  readonly reason: string;
}

/** Finds the innermost place where JSON cannot be read as a message; undefined where it can. */
function locate(desc: DescMessage, json: JsonValue, path: string): Located | undefined {
  const reason = faultOf(desc, json);
  if (reason === undefined) return undefined;
  if (typeof json !== "object" || json === null || Array.isArray(json)) return { path, reason };
  if (desc.typeName === AnySchema.typeName) return locateInAny(json, path) ?? { path, reason };
  if (desc.typeName.startsWith("google.protobuf.")) return { path, reason };
  for (const [name, value] of Object.entries(json)) {
    const field = desc.fields.find((one) => one.name === name || one.jsonName === name);
    if (field === undefined) return { path: `${path}.${name}`, reason: `no such field in ${desc.typeName}` };
    const inner = locateInField(field, value, `${path}.${name}`);
    if (inner !== undefined) return inner;
    const fieldReason = faultOf(desc, { [name]: value });
    if (fieldReason !== undefined) return { path: `${path}.${name}`, reason: fieldReason };
  }
  return { path, reason };
}

function locateInAny({ "@type": url, ...json }: { readonly [name: string]: JsonValue }, path: string) {
  if (typeof url !== "string") return { path, reason: 'needs "@type"' };
  const desc = registry.getMessage(url.slice(url.lastIndexOf("/") + 1));
  if (desc === undefined) return { path: `${path}.@type`, reason: `no such type in src/gen: ${url}` };
  return locate(desc, json, path);
}

function locateInField(field: DescField, value: JsonValue, path: string): Located | undefined {
  if (field.message === undefined || typeof value !== "object" || value === null) return undefined;
  const { message } = field;
  if (field.fieldKind === "message") return locate(message, value, path);
  for (const [key, item] of Object.entries(value)) {
    const place = field.fieldKind === "list" ? `${path}[${key}]` : `${path}[${JSON.stringify(key)}]`;
    const inner = locate(message, item, place);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** Why JSON cannot be read as a message; undefined where it can. */
function faultOf(desc: DescMessage, json: JsonValue): string | undefined {
  try {
    fromJson(desc, json, { registry });
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
