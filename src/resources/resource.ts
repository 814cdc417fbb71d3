/**
 * The objects users write: one file per kind holds its schema (types, defaults, rules); loading reads YAML and reports
 * every fault with its place. This file says what a loaded object looks like.
 */
import type { Position } from "../errors/config-error.ts";

/** Path to a value inside an object, e.g. `["spec", "rules", 0, "name"]`. */
export type FieldPath = readonly (string | number)[];

/** Where an object was read, to the character. */
export interface Origin {
  readonly file: string;
  /** Place of the value at a path; of the nearest enclosing value where that does not exist. */
  at(path: FieldPath): Position;
}

export interface ObjectMeta {
  readonly name: string;
  /** `default` where the file says none. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Unix seconds, undefined when the object has none (as in files). */
  readonly creationTimestamp: number | undefined;
}

/** One object, checked and with defaults filled in. */
export interface Resource<Spec> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly origin: Origin;
}

/** Something the user should know that is not wrong, such as a field that is not applied. */
export interface Notice {
  readonly source: Position;
  readonly path: string;
  readonly reason: string;
}
