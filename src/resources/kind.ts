import type { Static, TObject } from "typebox";
import type { FieldPath } from "./resource.ts";

/** What a rule over several fields found. */
export interface Violation {
  /** From the spec on, e.g. `["rules", 1, "name"]`. */
  readonly path: FieldPath;
  readonly reason: string;
}

/** A rule over several fields of one object, as CRDs state them in CEL. */
export type CrossFieldRule<Spec> = (spec: Spec, apiVersion: string) => Violation[];

/** A kind of object this build reads. */
export interface KindDefinition<Schema extends TObject = TObject, Spec = never> {
  readonly kind: string;
  /** API group, "" for the core. */
  readonly group: string;
  /** Served versions, the preferred one first. */
  readonly versions: readonly string[];
  /** Schema of `spec`; of the whole object but for its head where `inline`. */
  readonly schema: Schema;
  /** Whether the fields stand at the top of the object instead of under `spec`, as in a Secret. */
  readonly inline?: boolean;
  readonly clusterScoped?: boolean;
  /** Faults never quote a value of this kind. */
  readonly confidential?: boolean;
  /** Run only over objects whose shape is right, so that they may rely on the types. */
  readonly rules?: readonly CrossFieldRule<Spec>[];
}

/** Ties the rules of a kind to the type of its schema. */
export function defineKind<Schema extends TObject>(definition: KindDefinition<Schema, Static<Schema>>): KindDefinition {
  return definition;
}
