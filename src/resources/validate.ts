/**
 * Checks a value against a schema and fills in defaults. It reads the JSON Schema keywords that CRDs use and, other than
 * a general validator, never stops at the first fault, knows what a misspelt field was meant to be, and says what to
 * write instead.
 */
import type { TSchema } from "typebox";
import type { FieldPath } from "./resource.ts";
import type { OwnKeywords } from "./schema.ts";
import { didYouMean, suggest } from "./suggest.ts";

/** Where findings go. */
export interface Findings {
  fault(path: FieldPath, reason: string): void;
  /** A fault with the field's name rather than with its value. */
  faultOfName(path: FieldPath, reason: string): void;
  /** A valid field that is not applied. */
  unapplied(path: FieldPath, reason: string): void;
  /** How a value may be quoted in a fault. */
  quote(path: FieldPath, value: unknown): string;
  /** Whether a text came out of variables, so that it may stand for a number or for true or false. */
  isSubstituted(path: FieldPath): boolean;
}

/** The keywords in use; everything TypeBox writes that is not here has no say. */
interface Keywords extends OwnKeywords {
  readonly type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  readonly anyOf?: readonly Keywords[];
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Keywords>>;
  readonly patternProperties?: Readonly<Record<string, Keywords>>;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: Keywords;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

type JsonObject = Readonly<Record<string, unknown>>;

/** What came of a check. */
export interface Checked {
  /** The value with defaults filled in; of the schema's type only where `sound`. */
  readonly value: unknown;
  /** Whether the value has the shape of the schema, though it may break limits or carry unknown fields. */
  readonly sound: boolean;
}

/** Checks a value; everything wrong goes to `findings`. */
export function validate(schema: TSchema, value: unknown, path: FieldPath, findings: Findings): Checked {
  const validator = new Validator(findings);
  // TypeBox's types do not spell out the JSON Schema keywords that its values are.
  const checked = validator.check(schema as Keywords, value, path);
  return { value: checked, sound: validator.sound };
}

class Validator {
  sound = true;
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  check(schema: Keywords, value: unknown, path: FieldPath): unknown {
    const why = schema["x-unapplied"];
    if (why !== undefined) this.#findings.unapplied(path, why);
    const branch = schema.anyOf === undefined ? schema : this.#branchFor(schema.anyOf, value);
    switch (branch.type ?? (branch.enum === undefined ? undefined : "string")) {
      case "object":
        return isObject(value) ? this.#object(branch, value, path) : this.#wrongType(path, value, "an object");
      case "array":
        return Array.isArray(value) ? this.#array(branch, value, path) : this.#wrongType(path, value, "a list");
      case "string":
        return this.#string(branch, value, path);
      case "integer":
        return this.#number(branch, value, path, Number.isSafeInteger, "a whole number");
      case "number":
        return this.#number(branch, value, path, Number.isFinite, "a number");
      case "boolean":
        return this.#boolean(value, path);
      default:
        return value;
    }
  }

  /** The alternative that fits the value's type, else the first, so that the fault names one. */
  #branchFor(branches: readonly Keywords[], value: unknown): Keywords {
    const type = typeof value === "number" ? "integer" : typeof value;
    return branches.find((branch) => branch.type === type) ?? branches[0] ?? {};
  }

  #unsound(path: FieldPath, reason: string): undefined {
    this.sound = false;
    this.#findings.fault(path, reason);
    return undefined;
  }

  #wrongType(path: FieldPath, value: unknown, wanted: string): undefined {
    return this.#unsound(path, `must be ${wanted}, not ${this.#describe(path, value)}`);
  }

  #describe(path: FieldPath, value: unknown): string {
    if (value === null) return "empty";
    if (Array.isArray(value)) return "a list";
    if (typeof value === "object") return "an object";
    const kind = typeof value === "boolean" || typeof value === "number" ? `the ${typeof value}` : "the text";
    return `${kind} ${this.#findings.quote(path, value)}`;
  }

  #object(schema: Keywords, value: JsonObject, path: FieldPath): JsonObject {
    const properties = schema.properties ?? {};
    const [entrySchema] = Object.values(schema.patternProperties ?? {});
    const entries: [string, unknown][] = [];
    for (const [name, member] of Object.entries(value)) {
      const known = Object.hasOwn(properties, name) ? properties[name] : entrySchema;
      if (known === undefined) this.#unknownField(schema, name, path);
      // An empty field is an absent one, as for the Kubernetes API server.
      else if (member !== null) entries.push([name, this.check(known, member, [...path, name])]);
    }
    this.#complete(schema, entries, path);
    this.#limitSize(path, entries.length, schema.minProperties, schema.maxProperties, "fields");
    // fromEntries defines its members, so that a field named __proto__ is a field like any other.
    return Object.fromEntries(entries);
  }

  #unknownField({ properties = {}, "x-open": isOpen }: Keywords, name: string, path: FieldPath): void {
    const known = Object.keys(properties);
    const meant = suggest(name, known);
    if (meant === undefined && isOpen === true) {
      this.#findings.unapplied([...path, name], "is not known to this gateway and not applied");
      return;
    }
    const hint = meant === undefined ? `; known are ${known.join(", ")}` : `; did you mean "${meant}"?`;
    this.#findings.faultOfName([...path, name], `is not a known field${hint}`);
  }

  /** Adds defaults of absent fields and reports absent ones that must be there. */
  #complete(schema: Keywords, entries: [string, unknown][], path: FieldPath): void {
    const present = new Set(entries.map(([name]) => name));
    const required = new Set(schema.required);
    for (const [name, member] of Object.entries(schema.properties ?? {})) {
      if (present.has(name)) continue;
      if (member.default !== undefined) entries.push([name, structuredClone(member.default)]);
      else if (required.has(name)) this.#unsound([...path, name], `is required${expectation(member)}`);
    }
  }

  #array(schema: Keywords, value: readonly unknown[], path: FieldPath): unknown[] {
    const { items = {} } = schema;
    this.#limitSize(path, value.length, schema.minItems, schema.maxItems, "entries");
    const checked = value.map((item, index) => this.check(items, item, [...path, index]));
    const keys = schema["x-kubernetes-list-map-keys"];
    if (keys !== undefined) this.#distinct(path, checked, keys);
    if (schema.uniqueItems === true) this.#distinct(path, checked, []);
    return checked;
  }

  /** Reports entries with the same values under `keys` (the same value, for no keys) as an earlier one. */
  #distinct(path: FieldPath, items: readonly unknown[], keys: readonly string[]): void {
    const seen = new Map<string, number>();
    for (const [index, item] of items.entries()) {
      const identity = JSON.stringify(isObject(item) ? keys.map((key) => item[key]) : item);
      const first = seen.get(identity);
      if (first === undefined) {
        seen.set(identity, index);
        continue;
      }
      const what = keys.length === 0 ? "value" : keys.join(" and ");
      this.#findings.fault(
        [...path, index, ...keys.slice(0, 1)],
        `has the same ${what} as entry [${first}]; remove one`,
      );
    }
  }

  #limitSize(path: FieldPath, size: number, min = 0, max = Number.POSITIVE_INFINITY, unit = "entries"): void {
    if (size > max) this.#findings.fault(path, `has ${size} ${unit}; at most ${max} are allowed`);
    if (size < min) this.#findings.fault(path, `has ${size} ${unit}; at least ${min} must be given`);
  }

  #string(schema: Keywords, value: unknown, path: FieldPath): unknown {
    if (typeof value !== "string") {
      const scalar = typeof value === "number" || typeof value === "boolean";
      const hint = scalar ? "; put it in quotes" : "";
      return this.#unsound(path, `must be text, not ${this.#describe(path, value)}${hint}`);
    }
    const allowed = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
    if (allowed !== undefined && !allowed.includes(value)) {
      const quoted = this.#findings.quote(path, value);
      return this.#unsound(path, `must be ${oneOf(allowed)}, not ${quoted}${didYouMean(value, allowed)}`);
    }
    this.#limitString(schema, value, path);
    return value;
  }

  #limitString(schema: Keywords, value: string, path: FieldPath): void {
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = schema;
    // Kubernetes counts characters, which are code points.
    const length = value.length > maxLength || value.length < minLength ? [...value].length : value.length;
    if (length < minLength) {
      this.#findings.fault(path, "must not be empty");
    } else if (length > maxLength) {
      this.#findings.fault(path, `has ${length} characters; at most ${maxLength} are allowed`);
    } else if (pattern !== undefined && !new RegExp(pattern, "u").test(value)) {
      const expected = schema["x-expects"] ?? `text that matches ${pattern}`;
      this.#findings.fault(path, `must be ${expected}, not ${this.#findings.quote(path, value)}`);
    }
  }

  #number(
    schema: Keywords,
    given: unknown,
    path: FieldPath,
    fits: (value: number) => boolean,
    wanted: string,
  ): unknown {
    const value = this.#substituted(given, path, Number);
    if (typeof value !== "number" || !fits(value)) {
      const quotedNumber = typeof value === "string" && value.trim() !== "" && fits(Number(value));
      const hint = quotedNumber ? "; write it without quotes" : "";
      return this.#unsound(path, `must be ${wanted}, not ${this.#describe(path, value)}${hint}`);
    }
    const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
    if (value < minimum) this.#findings.fault(path, `must be at least ${minimum}, not ${value}`);
    if (value > maximum) this.#findings.fault(path, `must be at most ${maximum}, not ${value}`);
    return value;
  }

  #boolean(given: unknown, path: FieldPath): unknown {
    const value = this.#substituted(given, path, (text) => (text === "true" ? true : text === "false" ? false : text));
    return typeof value === "boolean" ? value : this.#wrongType(path, value, "true or false");
  }

  /** Reads text that came out of variables as if it had been written there without quotes. */
  #substituted(given: unknown, path: FieldPath, read: (text: string) => unknown): unknown {
    if (typeof given !== "string" || given.trim() === "" || !this.#findings.isSubstituted(path)) return given;
    const value = read(given);
    return Number.isNaN(value) ? given : value;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function oneOf(allowed: readonly string[]): string {
  return allowed.length === 1 ? `"${allowed[0]}"` : `one of ${allowed.join(", ")}`;
}

function expectation(schema: Keywords): string {
  const { enum: allowed, "x-expects": expects } = schema;
  if (allowed !== undefined) return `: ${oneOf(allowed)}`;
  return expects === undefined ? "" : `: ${expects}`;
}
