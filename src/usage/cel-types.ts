/** Types of CEL expressions (https://github.com/google/cel-spec/blob/master/doc/langdef.md#gradual-type-checking). */
export type CelType =
  | { readonly kind: ScalarKind }
  | { readonly kind: "list"; readonly of: readonly [CelType] }
  | { readonly kind: "map"; readonly of: readonly [key: CelType, value: CelType] }
  /** The type of a type: `int` is a value of `type(int)`; of nothing for the type of `type` itself. */
  | { readonly kind: "type"; readonly of: readonly CelType[] }
  /** Stands for one type that is yet to be found. */
  | TypeVariable;

interface TypeVariable {
  readonly kind: "variable";
  readonly name: string;
}

type ScalarKind =
  | "bool"
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bytes"
  | "null"
  | "duration"
  | "timestamp"
  | "dyn"
  /** Of an expression already reported; fits everywhere, so that one mistake makes one fault. */
  | "error";

/** The type of true and false. */
export const BOOL: CelType = { kind: "bool" };
/** The type of 64-bit signed integers. */
export const INT: CelType = { kind: "int" };
/** The type of 64-bit unsigned integers. */
export const UINT: CelType = { kind: "uint" };
/** The type of 64-bit floating point numbers. */
export const DOUBLE: CelType = { kind: "double" };
/** The type of text. */
export const STRING: CelType = { kind: "string" };
/** The type of byte strings. */
export const BYTES: CelType = { kind: "bytes" };
/** The type of null. */
export const NULL: CelType = { kind: "null" };
/** The type of google.protobuf.Duration. */
export const DURATION: CelType = { kind: "duration" };
/** The type of google.protobuf.Timestamp. */
export const TIMESTAMP: CelType = { kind: "timestamp" };
/** The type of any value. */
export const DYN: CelType = { kind: "dyn" };
/** The type of an expression already reported. */
export const ERROR: CelType = { kind: "error" };

/** The type of lists of an element type. */
export function listOf(element: CelType): CelType {
  return { kind: "list", of: [element] };
}

/** The type of maps from a key to a value type. */
export function mapOf(key: CelType, value: CelType): CelType {
  return { kind: "map", of: [key, value] };
}

/** The type whose value is the given type. */
export function typeOf(type: CelType): CelType {
  return { kind: "type", of: [type] };
}

/** The type of all types. */
export const TYPE: CelType = { kind: "type", of: [] };

/** A named place for a type in the declaration of a generic function. */
export function variable(name: string): CelType {
  return { kind: "variable", name };
}

/** Writes a type as CEL's documentation does, e.g. `map(string, list(int))`. */
export function formatType(type: CelType): string {
  if (type.kind === "variable") return type.name;
  const inner = parameters(type);
  return inner.length > 0 ? `${type.kind}(${inner.map(formatType).join(", ")})` : type.kind;
}

/** Copies a type with something else in place of its variables. */
export function replaceVariables(type: CelType, replace: (variable: TypeVariable) => CelType): CelType {
  switch (type.kind) {
    case "variable":
      return replace(type);
    case "list":
      return listOf(replaceVariables(type.of[0], replace));
    case "map":
      return mapOf(replaceVariables(type.of[0], replace), replaceVariables(type.of[1], replace));
    case "type":
      return { kind: "type", of: type.of.map((inner) => replaceVariables(inner, replace)) };
    default:
      return type;
  }
}

/** Of two types of which one can stand for the other: the one that says less. */
export function moreGeneral(a: CelType, b: CelType): CelType {
  return saysNoMore(a, b) ? a : b;
}

function saysNoMore(a: CelType, b: CelType): boolean {
  if (a.kind === "dyn" || a.kind === "variable") return true;
  if (b.kind === "dyn" || b.kind === "variable" || a.kind !== b.kind) return false;
  if (a.kind === "type") return true;
  return parameters(a).every((parameter, i) => saysNoMore(parameter, parameters(b)[i] ?? ERROR));
}

/** Whether two types are the same, variables compared by name. */
export function sameType(a: CelType, b: CelType): boolean {
  if (a.kind === "variable" && b.kind === "variable") return a.name === b.name;
  if (a.kind !== b.kind || parameters(a).length !== parameters(b).length) return false;
  return parameters(a).every((parameter, i) => sameType(parameter, parameters(b)[i] ?? ERROR));
}

function parameters(type: CelType): readonly CelType[] {
  return "of" in type ? type.of : [];
}

/** What is known of the type variables of one expression; gathered while it is checked. */
export class TypeInference {
  #bound = new Map<string, CelType>();
  #count = 0;

  /** Makes a variable of which nothing is known. */
  fresh(): CelType {
    return variable(`_${this.#count++}`);
  }

  /** Whether values of one type can be used where the other is wanted; if so, what follows from it is remembered. */
  assign(from: CelType, to: CelType): boolean {
    return this.assignAll([from], [to]);
  }

  /** The same for lists of types: all fit, or nothing is remembered. */
  assignAll(from: readonly CelType[], to: readonly CelType[]): boolean {
    const before = new Map(this.#bound);
    if (from.length === to.length && from.every((type, i) => this.#fits(type, to[i] ?? ERROR))) return true;
    this.#bound = before;
    return false;
  }

  /** Replaces the variables of which something is known. */
  resolve(type: CelType): CelType {
    return replaceVariables(type, (unknown) => {
      const bound = this.#bound.get(unknown.name);
      return bound === undefined ? unknown : this.resolve(bound);
    });
  }

  #fits(from: CelType, to: CelType): boolean {
    if (to.kind === "variable") {
      if (this.#bind(to, from)) return true;
      // A variable that stands for something else already is settled; a free one may still be the other's meaning.
      if (from.kind !== "variable" || this.#bound.has(to.name)) return false;
    }
    if (from.kind === "variable") return this.#bind(from, to);
    if (isOpen(from) || isOpen(to)) return true;
    if (from.kind === "null") return takesNull(to);
    if (to.kind === "null") return takesNull(from);
    if (from.kind === "type") return to.kind === "type";
    return from.kind === to.kind && parameters(from).every((part, i) => this.#fits(part, parameters(to)[i] ?? ERROR));
  }

  /** Lets a variable stand for a type, or for the more general of that and what it stood for. */
  #bind(unknown: TypeVariable, type: CelType): boolean {
    if (sameType(unknown, type)) return true;
    const bound = this.#bound.get(unknown.name);
    if (bound !== undefined && sameType(bound, type)) return true;
    if (bound !== undefined && !this.#fits(type, bound)) return false;
    const meaning = bound === undefined ? type : moreGeneral(type, bound);
    if (!this.#occursIn(unknown, meaning)) this.#bound.set(unknown.name, meaning);
    else if (bound === undefined) return false;
    return true;
  }

  /** A type cannot contain itself. */
  #occursIn(unknown: TypeVariable, type: CelType): boolean {
    if (type.kind !== "variable") return parameters(type).some((part) => this.#occursIn(unknown, part));
    if (type.name === unknown.name) return true;
    const bound = this.#bound.get(type.name);
    return bound !== undefined && this.#occursIn(unknown, bound);
  }
}

function isOpen(type: CelType): boolean {
  return type.kind === "dyn" || type.kind === "error";
}

/** Messages can be null, and duration and timestamp are messages. */
function takesNull(type: CelType): boolean {
  return type.kind === "null" || type.kind === "duration" || type.kind === "timestamp";
}
