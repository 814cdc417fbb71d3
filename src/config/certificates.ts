/** Certificates of HTTPS listeners. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { idOf } from "../resources/field-path.ts";
import type { Gateway, GatewayListener } from "../resources/gateway.ts";
import type { FieldPath } from "../resources/resource.ts";
import type { SecretRef } from "../resources/schema.ts";
import type { Compilation } from "./compilation.ts";
import type { References } from "./references.ts";
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
    const pair = keyPair({ gateway, path, ref }, compilation, references);
    return pair === undefined ? [] : [{ hostname, chain: pair.chain, key: new Secret(pair.key) }];
  });
}

/** A reference with where it stands. */
interface Placed {
  readonly gateway: Gateway;
  readonly path: FieldPath;
  readonly ref: SecretRef;
}

function keyPair(
  { gateway, path, ref }: Placed,
  compilation: Compilation,
  references: References,
): { chain: string; key: string } | undefined {
  const { group = "", kind = "Secret", name, namespace } = ref;
  if (group !== "" || kind !== "Secret") {
    compilation.fault(gateway, path, "must refer to a Secret; leave out group and kind");
    return undefined;
  }
  const reference = { from: gateway, path, kind, name, namespace, grantedTo: [GATEWAY] } as const;
  const secret = references.resolve(reference);
  if (secret === undefined) return undefined;
  const { data, faultyKeys } = secret.spec;
  if (faultyKeys.includes(CHAIN) || faultyKeys.includes(KEY)) return undefined;
  const chain = data[CHAIN] ?? "";
  const key = data[KEY] ?? "";
  const why = whatIsWrong(chain, key);
  if (why === undefined) return { chain, key };
  compilation.fault(gateway, [...path, "name"], `Secret ${idOf(secret)} ${why}`);
  return undefined;
}

/** Why two texts are no certificate with its key. No reason quotes any of them. */
function whatIsWrong(chain: string, key: string): string | undefined {
  const certificates = chain.match(PEM_CERTIFICATE)?.map(readCertificate) ?? [];
  const [leaf] = certificates;
  if (leaf === undefined || certificates.includes(undefined)) {
    return `must hold certificates in PEM under the key ${CHAIN}`;
  }
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
