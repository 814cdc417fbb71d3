import * as Type from "typebox";
import type { Fault } from "../errors/config-error.ts";
import { faultAt } from "./field-path.ts";
import { defineKind } from "./kind.ts";
import type { FieldPath, Resource } from "./resource.ts";
import { object } from "./schema.ts";
import type { Environment } from "./substitute.ts";

const Spec = object({
  type: Type.Optional(Type.String()),
  immutable: Type.Optional(Type.Boolean()),
  data: Type.Optional(Type.Record(Type.String(), Type.String())),
  stringData: Type.Optional(Type.Record(Type.String(), Type.String())),
});

/** A Secret as it is written: `data` in base64. */
export type WrittenSecret = Resource<Type.Static<typeof Spec>>;
/** Keys and passwords; `data` is decoded and holds what annotations take from the environment and from files. */
export type Secret = Resource<{
  readonly data: Readonly<Record<string, string>>;
  /** Keys that are named, but whose value could not be had; that is a fault already. */
  readonly faultyKeys: readonly string[];
}>;

/** Secret of the core API. */
export const SECRET = defineKind({
  kind: "Secret",
  group: "",
  versions: ["v1"],
  schema: Spec,
  inline: true,
  confidential: true,
});

/** `substitution.aigw.run/env/<key>: NAME` takes the value of a key from an environment variable. */
const FROM_ENV = "substitution.aigw.run/env/";
/** `substitution.aigw.run/file/<key>: path` takes it from a file. */
const FROM_FILE = "substitution.aigw.run/file/";
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** Reads a file; throws Node's error. */
export type ReadFile = (path: string) => string;

/**
 * Makes the contents of a Secret: base64 decoded, `stringData` over `data`, annotations over both.
 *
 * @param report Takes what is wrong; the key is missing then.
 */
export function secretContents(
  written: WrittenSecret,
  env: Environment,
  readFile: ReadFile,
  report: (fault: Fault) => void,
): Secret {
  const entries: [string, string][] = [];
  const faultyKeys: string[] = [];
  const wrong = (key: string, path: FieldPath, reason: string) => {
    faultyKeys.push(key);
    report(faultAt(written, path, reason));
  };
  for (const [key, encoded] of Object.entries(written.spec.data ?? {})) {
    const compact = encoded.replace(/\s/g, "");
    if (BASE64.test(compact)) entries.push([key, Buffer.from(compact, "base64").toString("utf8")]);
    else wrong(key, ["data", key], "is not base64; write the text itself under stringData");
  }
  entries.push(...Object.entries(written.spec.stringData ?? {}));
  for (const [annotation, argument] of Object.entries(written.metadata.annotations)) {
    const path = ["metadata", "annotations", annotation];
    if (annotation.startsWith(FROM_ENV)) {
      const key = annotation.slice(FROM_ENV.length);
      const value = env[argument];
      if (value !== undefined) entries.push([key, value]);
      else wrong(key, path, `the environment variable ${argument} is not set`);
    } else if (annotation.startsWith(FROM_FILE)) {
      const key = annotation.slice(FROM_FILE.length);
      try {
        entries.push([key, readFile(argument)]);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        wrong(key, path, `the file ${argument} cannot be read: ${why}`);
      }
    }
  }
  return { ...written, spec: { data: Object.fromEntries(entries), faultyKeys } };
}
