/** Certificates with their keys: those of HTTPS listeners, and those the gateway presents to backends. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { idOf } from "../resources/field-path.ts";
import type { Gateway, GatewayListener } from "../resources/gateway.ts";
import type { FieldPath, Resource } from "../resources/resource.ts";
import type { SecretRef } from "../resources/schema.ts";
import type { Compilation } from "./compilation.ts";
import type { GroupKind, References } from "./references.ts";
import type { ListenerCertificate } from "./runtime-config.ts";
import { Secret } from "./secret.ts";

const GATEWAY = { group: "gateway.networking.k8s.io", kind: "Gateway" };
/** Keys of a Secret of type kubernetes.io/tls (https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets). */
const CHAIN = "tls.crt";
const KEY = "tls.key";
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The certificates that a listener names; what is wrong with one is a fault at its reference. */
export function certificatesOf(
  gateway: Gateway,
  { name, hostname, tls }: GatewayListener,
  compilation: Compilation,
  references: References,
): ListenerCertificate[] {
  const position = gateway.spec.listeners.findIndex((listener) => listener.name === name);
  return (tls?.certificateRefs ?? []).flatMap((ref, index) => {
    const path = ["spec", "listeners", position, "tls", "certificateRefs", index];
    const pair = keyPair({ resource: gateway, path, ref, grantedTo: GATEWAY }, compilation, references);
    return pair === undefined ? [] : [{ hostname, ...pair }];
  });
}

/** A reference to a Secret, and where it stands. */
export interface CertificateRef {
  readonly resource: Resource<unknown>;
  readonly path: FieldPath;
  readonly ref: SecretRef;
  /** Kind to which a ReferenceGrant may give the permission. */
  readonly grantedTo: GroupKind;
}

/** The certificate and key that a reference names; undefined after a fault. One that has expired is used, after a notice. */
export function keyPair(
  { resource, path, ref, grantedTo }: CertificateRef,
  compilation: Compilation,
  references: References,
): { chain: string; key: Secret } | undefined {
  const { group = "", kind = "Secret", name, namespace } = ref;
  if (group !== "" || kind !== "Secret") {
    compilation.fault(resource, path, "must refer to a Secret; leave out group and kind");
    return undefined;
  }
  const secret = references.resolve({ from: resource, path, kind, name, namespace, grantedTo: [grantedTo] });
  if (secret === undefined) return undefined;
  const { data, faultyKeys } = secret.spec;
  if (faultyKeys.includes(CHAIN) || faultyKeys.includes(KEY)) return undefined;
  const chain = data[CHAIN] ?? "";
  const key = data[KEY] ?? "";
  const at = [...path, "name"];
  const why = whatIsWrong(chain, key);
  if (why !== undefined) {
    compilation.fault(resource, at, `Secret ${idOf(secret)} ${why}`);
    return undefined;
  }
  for (const certificate of readCertificates(chain) ?? []) {
    const ended = expiry(certificate, compilation.loadedAt);
    if (ended !== undefined) compilation.notice(resource, at, `Secret ${idOf(secret)} holds a certificate ${ended}`);
  }
  return { chain, key: new Secret(key) };
}

/** The certificates of a PEM text; undefined when there is none, or when one of them cannot be read. */
export function readCertificates(pem: string): X509Certificate[] | undefined {
  const certificates = pem.match(PEM_CERTIFICATE)?.map(readCertificate) ?? [];
  const read = certificates.filter((certificate) => certificate !== undefined);
  return read.length === 0 || read.length < certificates.length ? undefined : read;
}

/** "that expired on …"; undefined for one that still holds. */
export function expiry({ validToDate }: X509Certificate, nowSeconds: number): string | undefined {
  if (validToDate.getTime() > nowSeconds * 1000) return undefined;
  return `that expired on ${validToDate.toISOString().slice(0, "2026-01-01".length)}`;
}

/** Why two texts are no certificate with its key. No reason quotes any of them. */
function whatIsWrong(chain: string, key: string): string | undefined {
  const [leaf] = readCertificates(chain) ?? [];
  if (leaf === undefined) return `must hold certificates in PEM under the key ${CHAIN}`;
  const privateKey = readKey(key);
  if (privateKey === undefined) return `must hold a private key in PEM, without a passphrase, under the key ${KEY}`;
  if (!leaf.checkPrivateKey(privateKey))
    return `holds a ${KEY} that does not belong to the first certificate of ${CHAIN}`;
  try {
    createSecureContext({ cert: chain, key });
    return undefined;
  } catch (error) {
    // Such as a key that is too short to be safe.
    return `cannot be used for TLS: ${error instanceof Error ? error.message : error}`;
  }
}

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    // What it holds instead does not matter, and its text is not for faults.
    return undefined;
  }
}

function readKey(pem: string): ReturnType<typeof createPrivateKey> | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    // As above, all the more.
    return undefined;
  }
}
