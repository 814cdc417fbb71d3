import { untranslatable } from "../conversation/losses.ts";
import { isRecord, type JsonRecord } from "../conversation/read.ts";

/** Deepest nesting taken; a schema that is deeper mostly refers to itself. */
const DEPTH_MAX = 100;

/** What Gemini's `Schema` has: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/Schema */
const KEPT: ReadonlySet<string> = new Set([
  "anyOf",
  "default",
  "description",
  "enum",
  "example",
  "format",
  "items",
  "maxItems",
  "maxLength",
  "maxProperties",
  "maximum",
  "minItems",
  "minLength",
  "minProperties",
  "minimum",
  "nullable",
  "pattern",
  "properties",
  "propertyOrdering",
  "required",
  "title",
  "type",
]);

/**
 * A JSON Schema as the subset of OpenAPI's that models before Gemini 2.5 take: references are put in place, unions with
 * null become `nullable`, what the subset has no word for is left out.
 *
 * @param path Of the schema in the caller's request, for errors.
 * @throws GatewayError `untranslatable`.
 */
export function openApiSchema(schema: unknown, path: string): JsonRecord {
  if (!isRecord(schema)) throw untranslatable(path, "must be a JSON Schema object");
  return convert(schema, { root: schema, path, references: [], depth: 0 });
}

interface Place {
  readonly root: JsonRecord;
  readonly path: string;
  /** References that are being put in place, outermost first. */
  readonly references: readonly string[];
  readonly depth: number;
}

function convert(given: JsonRecord, place: Place): JsonRecord {
  if (place.depth > DEPTH_MAX) throw untranslatable(place.path, `the schema is nested deeper than ${DEPTH_MAX}`);
  const reference = given["$ref"];
  if (typeof reference === "string") return convertReference(given, reference, place);
  const allOf = given["allOf"];
  if (Array.isArray(allOf)) {
    const [only] = allOf;
    if (allOf.length !== 1 || !isRecord(only)) {
      throw untranslatable(place.path, "allOf with other than one schema is not supported by this model");
    }
    return convert(only, inside(place, "allOf[0]"));
  }
  const written: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    if (KEPT.has(key)) written[key] = convertMember(key, value, place);
  }
  return withoutNull(written);
}

function convertReference(given: JsonRecord, reference: string, place: Place): JsonRecord {
  if (place.references.includes(reference)) throw untranslatable(place.path, `${reference} refers to itself`);
  const target = resolve(place.root, reference);
  if (target === undefined) throw untranslatable(place.path, `${reference} is nowhere in the schema`);
  const { $ref: _, ...beside } = given;
  const references = [...place.references, reference];
  return convert({ ...target, ...beside }, { ...place, references, depth: place.depth + 1 });
}

/** A JSON pointer into the schema (RFC 6901). */
function resolve(root: JsonRecord, reference: string): JsonRecord | undefined {
  if (reference === "#") return root;
  if (!reference.startsWith("#/")) return undefined;
  let at: unknown = root;
  for (const step of reference.slice(2).split("/")) {
    if (!isRecord(at)) return undefined;
    at = at[step.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return isRecord(at) ? at : undefined;
}

function convertMember(key: string, value: unknown, place: Place): unknown {
  if (key === "items") {
    if (!isRecord(value)) throw untranslatable(`${place.path}.items`, "must be one schema");
    return convert(value, inside(place, "items"));
  }
  if (key === "anyOf" && Array.isArray(value)) {
    return value.map((item, i) => convertInner(item, inside(place, `anyOf[${i}]`)));
  }
  if (key === "properties" && isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, convertInner(item, inside(place, `properties.${name}`))]),
    );
  }
  return value;
}

function convertInner(value: unknown, place: Place): JsonRecord {
  // `true` stands for anything (JSON Schema, section 4.3.2), and so does an empty schema.
  return isRecord(value) ? convert(value, place) : {};
}

function inside(place: Place, step: string): Place {
  return { ...place, path: `${place.path}.${step}`, depth: place.depth + 1 };
}

/** Null as one of several types, or of several schemas, is a flag here. */
function withoutNull(schema: Record<string, unknown>): JsonRecord {
  const { type, anyOf } = schema;
  if (Array.isArray(type)) {
    const types = type.filter((name) => name !== "null");
    if (types.length < type.length) schema["nullable"] = true;
    if (types.length === 1) schema["type"] = types[0];
    else {
      delete schema["type"];
      schema["anyOf"] = types.map((name) => ({ type: name }));
    }
  }
  if (Array.isArray(anyOf)) {
    const others = anyOf.filter((item) => !(isRecord(item) && item["type"] === "null"));
    if (others.length === anyOf.length) return schema;
    schema["nullable"] = true;
    const [only] = others;
    if (others.length !== 1 || !isRecord(only)) return { ...schema, anyOf: others };
    delete schema["anyOf"];
    return { ...only, ...schema };
  }
  return schema;
}
