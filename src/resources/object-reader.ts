/** From an object as it is written to a checked one: kind, variables, schema, rules, duplicates. */
import * as Type from "typebox";
import { type Fault, formatPosition, type Position } from "../errors/config-error.ts";
import type { RawObject } from "./documents.ts";
import { formatPath } from "./field-path.ts";
import type { KindDefinition } from "./kind.ts";
import type { IgnoredResource } from "./load.ts";
import { Metadata } from "./metadata.ts";
import { identify } from "./registry.ts";
import type { FieldPath, Notice, Resource } from "./resource.ts";
import { type ReadFile, SECRET, secretContents, type WrittenSecret } from "./secret.ts";
import { type Environment, substituteNode } from "./substitute.ts";
import { type Findings, validate } from "./validate.ts";

/** What every object begins with; the rest depends on its kind. */
interface Head {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  /** "" where it has none. */
  readonly name: string;
}

/** An object after its schema was checked. */
interface Sound {
  readonly metadata: Metadata;
  readonly spec: unknown;
}

const DEFAULT_NAMESPACE = "default";

/** Reads objects one after the other and gathers what comes of them. */
export class ObjectReader {
  readonly resources: Resource<unknown>[] = [];
  readonly faults: Fault[] = [];
  readonly ignored: IgnoredResource[] = [];
  readonly notices: Notice[] = [];
  /** `Kind namespace/name` of objects that cannot be used. */
  readonly broken = new Set<string>();
  readonly #env: Environment;
  readonly #readFile: ReadFile;
  readonly #places = new Map<string, Position>();

  constructor(env: Environment, readFile: ReadFile) {
    this.#env = env;
    this.#readFile = readFile;
  }

  read(raw: RawObject): void {
    const head = this.#head(raw);
    if (head === undefined) return;
    const identified = identify(head.apiVersion, head.kind);
    if ("ignored" in identified) {
      const { apiVersion, kind, namespace, name } = head;
      this.ignored.push({ kind: `${apiVersion} ${kind}`, id: `${namespace}/${name}`, source: raw.origin.at([]) });
    } else if ("reason" in identified) {
      this.faults.push({
        source: raw.origin.at([identified.field]),
        path: `${label(head)}: ${identified.field}`,
        reason: identified.reason,
      });
    } else {
      this.#readKnown(raw, head, identified.definition);
    }
  }

  /** Reads apiVersion, kind and name, or reports what of it is missing. */
  #head(raw: RawObject): Head | undefined {
    const { origin, inList } = raw;
    const text = (path: FieldPath): string | undefined => {
      const value = origin.scalarAt(path)?.value;
      return typeof value === "string" ? value : undefined;
    };
    const name = text(["metadata", "name"]) ?? "";
    const namespace = text(["metadata", "namespace"]) ?? DEFAULT_NAMESPACE;
    const kind = text(["kind"]) ?? inList?.kind;
    const apiVersion = text(["apiVersion"]) ?? inList?.apiVersion;
    if (kind !== undefined && apiVersion !== undefined) return { apiVersion, kind, namespace, name };
    const missing = [...(apiVersion === undefined ? ["apiVersion"] : []), ...(kind === undefined ? ["kind"] : [])];
    for (const field of missing) {
      this.faults.push({
        source: origin.at([field]),
        path: kind === undefined ? field : `${label({ kind, namespace, name })}: ${field}`,
        reason: "is required: every object begins with its apiVersion and kind",
      });
    }
    return undefined;
  }

  #readKnown(raw: RawObject, head: Head, definition: KindDefinition): void {
    const fullLabel = label(definition.clusterScoped ? { ...head, namespace: "" } : head);
    const findings = new ObjectFindings(raw, fullLabel, definition.confidential === true);
    for (const { path, reason } of substituteNode(raw.origin.node, this.#env, raw.originals)) {
      findings.faultOfVariable(path, reason);
    }
    const sound = check(raw, head, definition, findings);
    this.faults.push(...findings.faults);
    this.notices.push(...findings.notices);
    if (sound === undefined) this.broken.add(fullLabel);
    else this.#keep(resourceOf(raw, head, definition, sound), definition);
  }

  #keep(resource: Resource<unknown>, definition: KindDefinition): void {
    const { kind, metadata, origin } = resource;
    const identity = `${definition.group}/${kind}/${metadata.namespace}/${metadata.name}`;
    const first = this.#places.get(identity);
    if (first !== undefined) {
      this.faults.push({
        source: origin.at(["metadata", "name"]),
        path: `${label({ kind, ...metadata })}: metadata.name`,
        reason: `is already defined at ${formatPosition(first)}; remove one of them or choose another name`,
      });
      return;
    }
    this.#places.set(identity, origin.at(["metadata", "name"]));
    if (definition !== SECRET) {
      this.resources.push(resource);
      return;
    }
    const written = resource as WrittenSecret;
    this.resources.push(secretContents(written, this.#env, this.#readFile, (fault) => this.faults.push(fault)));
  }
}

function label({ kind, namespace, name }: Pick<Head, "kind" | "namespace" | "name">): string {
  if (name === "") return kind;
  return namespace === "" ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

/** Checks form and rules; undefined when the form is not right. */
function check(raw: RawObject, head: Head, definition: KindDefinition, findings: ObjectFindings): Sound | undefined {
  let written: unknown;
  try {
    written = raw.value();
  } catch (error) {
    // The yaml package throws this for aliases that multiply, lead nowhere or into themselves.
    if (!(error instanceof ReferenceError)) throw error;
    findings.fault([], `its YAML aliases cannot be resolved: ${error.message}`);
    return undefined;
  }
  const { value, sound } = validate(wholeSchema(definition), written, [], findings);
  if (!sound) return undefined;
  // Its shape has just been checked.
  const { metadata, ...rest } = value as { metadata: Metadata; spec?: unknown };
  const spec = definition.inline ? rest : rest.spec;
  for (const rule of definition.rules ?? []) {
    for (const { path, reason } of rule(spec as never, head.apiVersion)) {
      findings.fault(definition.inline ? path : ["spec", ...path], reason);
    }
  }
  return { metadata, spec };
}

const WHOLE_SCHEMAS = new Map<KindDefinition, Type.TObject>();

/** The schema of a kind with its head. */
function wholeSchema(definition: KindDefinition): Type.TObject {
  const cached = WHOLE_SCHEMAS.get(definition);
  if (cached !== undefined) return cached;
  const body = definition.inline ? definition.schema.properties : { spec: definition.schema };
  const whole = Type.Object({
    apiVersion: Type.Optional(Type.String()),
    kind: Type.Optional(Type.String()),
    metadata: Metadata,
    ...body,
    // What a cluster says of an object is no part of it.
    status: Type.Optional(Type.Unknown()),
  });
  WHOLE_SCHEMAS.set(definition, whole);
  return whole;
}

function resourceOf(
  raw: RawObject,
  head: Head,
  definition: KindDefinition,
  { metadata, spec }: Sound,
): Resource<unknown> {
  const createdAt = Date.parse(metadata.creationTimestamp ?? "");
  return {
    apiVersion: head.apiVersion,
    kind: head.kind,
    metadata: {
      name: metadata.name,
      namespace: definition.clusterScoped ? "" : (metadata.namespace ?? DEFAULT_NAMESPACE),
      labels: metadata.labels ?? {},
      annotations: metadata.annotations ?? {},
      creationTimestamp: Number.isNaN(createdAt) ? undefined : Math.floor(createdAt / 1000),
    },
    spec,
    origin: raw.origin,
  };
}

/** Gives findings of one object their place and label. */
class ObjectFindings implements Findings {
  readonly faults: Fault[] = [];
  readonly notices: Notice[] = [];
  readonly #raw: RawObject;
  readonly #label: string;
  readonly #confidential: boolean;
  /** Fields whose variables could not be replaced: nothing else about them is worth telling. */
  readonly #withoutValue = new Set<string>();

  constructor(raw: RawObject, objectLabel: string, confidential: boolean) {
    this.#raw = raw;
    this.#label = objectLabel;
    this.#confidential = confidential;
  }

  faultOfVariable(path: FieldPath, reason: string): void {
    this.fault(path, reason);
    this.#withoutValue.add(formatPath(path));
  }

  fault(path: FieldPath, reason: string): void {
    if (this.#withoutValue.has(formatPath(path))) return;
    this.faults.push({ source: this.#raw.origin.at(path), path: this.#path(path), reason });
  }

  faultOfName(path: FieldPath, reason: string): void {
    this.faults.push({ source: this.#raw.origin.ofName(path), path: this.#path(path), reason });
  }

  unapplied(path: FieldPath, reason: string): void {
    this.notices.push({ source: this.#raw.origin.ofName(path), path: this.#path(path), reason });
  }

  quote(path: FieldPath, value: unknown): string {
    if (this.#confidential) return "(not shown)";
    const scalar = this.#raw.origin.scalarAt(path);
    // Variables may hold secrets: faults show their names.
    const original = scalar && this.#raw.originals.get(scalar);
    const text = original ?? value;
    return typeof text === "string" ? JSON.stringify(shorten(text)) : String(text);
  }

  isSubstituted(path: FieldPath): boolean {
    const scalar = this.#raw.origin.scalarAt(path);
    return scalar !== undefined && this.#raw.originals.has(scalar);
  }

  #path(path: FieldPath): string {
    return path.length === 0 ? this.#label : `${this.#label}: ${formatPath(path)}`;
  }
}

const QUOTE_CHARS_MAX = 80;

function shorten(text: string): string {
  return text.length <= QUOTE_CHARS_MAX ? text : `${text.slice(0, QUOTE_CHARS_MAX)}…`;
}
