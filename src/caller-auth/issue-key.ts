/** Makes keys, and the GatewayKeys that say who holds them. */
import { randomBytes } from "node:crypto";
import { stringify } from "yaml";
import { parseResources } from "../resources/load.ts";
import { keyDigest } from "./prepare.ts";

/** By which a key is known as one of a gateway, also by those who look for leaked ones. */
const KEY_PREFIX = "aigw_";
/** 256 bits: nobody guesses one, so that a hash without salt is enough. */
const KEY_BYTES = 32;
const NAME_BYTES = 4;

/** A GatewayKey as it is written. */
export interface KeyResource {
  readonly apiVersion: "aigw.dev/v1alpha1";
  readonly kind: "GatewayKey";
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** What a key is to be; `spec` is that of a GatewayKey without its hashes. */
export interface KeyRequest {
  /** Default: `key-` and eight random digits. */
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A new key; nothing else knows it. */
export function newKey(): string {
  return KEY_PREFIX + randomBytes(KEY_BYTES).toString("base64url");
}

/** The GatewayKey of a key. */
export function keyResource(key: string, { name, namespace = "default", spec }: KeyRequest): KeyResource {
  return {
    apiVersion: "aigw.dev/v1alpha1",
    kind: "GatewayKey",
    metadata: { name: name ?? `key-${randomBytes(NAME_BYTES).toString("hex")}`, namespace },
    spec: { hashes: [{ sha256: keyDigest(key) }], ...spec },
  };
}

/** What is wrong with a GatewayKey, a sentence each. */
export function keyFaults(resource: KeyResource): string[] {
  const { faults } = parseResources([{ name: "key", text: JSON.stringify(literal(resource)) }], {}, () => "");
  return faults.map(({ path, reason }) => `${path}: ${reason}`);
}

/** A GatewayKey as a file that configures a gateway. */
export function keyYaml(resource: KeyResource): string {
  return stringify(literal(resource), { lineWidth: 0 });
}

/** No text of a key stands for a variable of the environment (see resources/substitute.ts). */
function literal(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("${", () => "$${");
  if (Array.isArray(value)) return value.map(literal);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, literal(member)]));
}
