/** TLS towards a Backend: whom to trust, and who to be (https://gateway.envoyproxy.io/latest/tasks/security/backend-mtls/). */
import type { Backend, BackendTls } from "../resources/backend.ts";
import type { BackendTLSPolicy } from "../resources/backend-tls-policy.ts";
import { idOf } from "../resources/field-path.ts";
import type { Gateway } from "../resources/gateway.ts";
import type { FieldPath, Resource } from "../resources/resource.ts";
import { expiry, keyPair, readCertificates } from "./certificates.ts";
import type { Compilation } from "./compilation.ts";
import type { GroupKind, References } from "./references.ts";
import type { ClientCertificate, SubjectAltName, TlsParameters, TlsVersion, UpstreamTls } from "./runtime-config.ts";

const BACKEND: GroupKind = { group: "gateway.envoyproxy.io", kind: "Backend" };
const GATEWAY: GroupKind = { group: "gateway.networking.k8s.io", kind: "Gateway" };

/** Older versions are not spoken (RFC 8996). */
const VERSIONS: Readonly<Record<string, TlsVersion>> = { "1.2": "TLSv1.2", "1.3": "TLSv1.3" };

/** Knows the TLS settings of Backends. */
export class UpstreamTlsSettings {
  readonly #compilation: Compilation;
  readonly #references: References;
  readonly #policies: ReadonlyMap<Backend, BackendTLSPolicy>;
  /** What is presented to every backend that has nothing of its own. */
  readonly #client: ClientCertificate | undefined;

  /** @param gateway The one that is served. */
  constructor(compilation: Compilation, references: References, gateway: Gateway | undefined) {
    this.#compilation = compilation;
    this.#references = references;
    this.#policies = policiesByBackend(compilation, references);
    this.#client = gateway && this.#gatewayCertificate(gateway);
  }

  /** TLS as the Backend and its BackendTLSPolicy say, the policy first
   * (https://gateway.envoyproxy.io/latest/tasks/security/backend-tls/); undefined = clear text. */
  of(backend: Backend): UpstreamTls | undefined {
    const policy = this.#policies.get(backend);
    const { tls, endpoints = [] } = backend.spec;
    if (policy === undefined && tls === undefined) return undefined;
    const [first] = endpoints;
    const validation = policy?.spec.validation;
    const authorities: Authorities =
      policy === undefined
        ? { resource: backend, path: ["spec", "tls"], refs: tls?.caCertificateRefs ?? [] }
        : { resource: policy, path: ["spec", "validation"], refs: validation?.caCertificateRefs ?? [] };
    return {
      serverName:
        validation?.hostname ??
        tls?.sni ??
        first?.hostname ??
        first?.fqdn?.hostname ??
        first?.ip?.address ??
        "localhost",
      subjectAltNames: (validation?.subjectAltNames ?? []).map(subjectAltName),
      ca: resolveAuthorities(authorities, this.#compilation, this.#references),
      insecureSkipVerify: policy === undefined && tls?.insecureSkipVerify === true,
      client: this.#clientCertificate(backend),
      parameters: this.#parameters(backend, tls),
    };
  }

  #clientCertificate(backend: Backend): ClientCertificate | undefined {
    const ref = backend.spec.tls?.clientCertificateRef;
    if (ref === undefined) return this.#client;
    const path = ["spec", "tls", "clientCertificateRef"];
    return keyPair({ resource: backend, path, ref, grantedTo: BACKEND }, this.#compilation, this.#references);
  }

  /** That of `tls.backend`, or of `backendTLS` as it was called before
   * (https://gateway-api.sigs.k8s.io/geps/gep-3155/). */
  #gatewayCertificate(gateway: Gateway): ClientCertificate | undefined {
    const { tls, backendTLS } = gateway.spec;
    const [path, ref] =
      tls?.backend?.clientCertificateRef === undefined
        ? [["spec", "backendTLS", "clientCertificateRef"], backendTLS?.clientCertificateRef]
        : [["spec", "tls", "backend", "clientCertificateRef"], tls.backend.clientCertificateRef];
    if (ref === undefined) return undefined;
    return keyPair({ resource: gateway, path, ref, grantedTo: GATEWAY }, this.#compilation, this.#references);
  }

  #parameters(backend: Backend, tls: BackendTls | undefined): TlsParameters {
    const { minVersion = "Auto", maxVersion = "Auto" } = tls ?? {};
    if (minVersion === "1.0" || minVersion === "1.1") {
      const reason = "TLS 1.2 is the oldest version that this gateway speaks";
      this.#compilation.notice(backend, ["spec", "tls", "minVersion"], reason);
    }
    return {
      minVersion: VERSIONS[minVersion] ?? "TLSv1.2",
      maxVersion: VERSIONS[maxVersion] ?? "TLSv1.3",
      ciphers: tls?.ciphers ?? [],
      curves: tls?.ecdhCurves ?? [],
      signatureAlgorithms: tls?.signatureAlgorithms ?? [],
    };
  }
}

type WrittenName = NonNullable<BackendTLSPolicy["spec"]["validation"]["subjectAltNames"]>[number];

/** Its rules see to it that the field of its type is there. */
function subjectAltName({ type, hostname = "", uri = "" }: WrittenName): SubjectAltName {
  return type === "URI" ? { type: "URI", value: uri } : { type: "DNS", value: hostname };
}

/** The policy of each Backend; policies for Backends that are not there, and second ones, are reported. */
function policiesByBackend(compilation: Compilation, references: References): Map<Backend, BackendTLSPolicy> {
  const policies = new Map<Backend, BackendTLSPolicy>();
  for (const policy of compilation.set.ofKind("BackendTLSPolicy")) {
    for (const [index, { group, kind, name, sectionName }] of policy.spec.targetRefs.entries()) {
      const path = ["spec", "targetRefs", index];
      if (group !== "gateway.envoyproxy.io" || kind !== "Backend") {
        compilation.notice(policy, path, `a target of kind ${kind} is not applied by this gateway`);
        continue;
      }
      if (sectionName !== undefined) {
        compilation.notice(policy, [...path, "sectionName"], "is not applied: the policy is for all of the Backend");
      }
      const backend = references.resolve({ from: policy, path, kind, name, namespace: undefined });
      if (backend === undefined) continue;
      const first = policies.get(backend);
      if (first === undefined) policies.set(backend, policy);
      else if (first !== policy) {
        const reason = `BackendTLSPolicy ${idOf(first)} is already for Backend ${idOf(backend)}; remove one of them`;
        compilation.fault(policy, path, reason);
      }
    }
  }
  return policies;
}

interface Authorities {
  readonly resource: Resource<unknown>;
  /** Way to the object with the list. */
  readonly path: FieldPath;
  readonly refs: readonly { readonly group: string; readonly kind: string; readonly name: string }[];
}

/** One PEM bundle of every authority; undefined = the system's. */
function resolveAuthorities(
  { resource, path, refs }: Authorities,
  compilation: Compilation,
  references: References,
): string | undefined {
  const bundles = refs.flatMap(({ group, kind, name }, index) => {
    const at = [...path, "caCertificateRefs", index];
    if (group !== "" || (kind !== "ConfigMap" && kind !== "Secret")) {
      compilation.fault(resource, at, 'must have group: "" and kind: ConfigMap or Secret');
      return [];
    }
    const holder = references.resolve({ from: resource, path: at, kind, name, namespace: undefined });
    if (holder === undefined) return [];
    const pem = holder.spec.data?.["ca.crt"] ?? "";
    const certificates = readCertificates(pem);
    if (certificates === undefined) {
      compilation.fault(resource, at, `${kind} ${idOf(holder)} must hold certificates in PEM under the key ca.crt`);
      return [];
    }
    for (const certificate of certificates) {
      const ended = expiry(certificate, compilation.loadedAt);
      if (ended !== undefined) compilation.notice(resource, at, `${kind} ${idOf(holder)} holds a certificate ${ended}`);
    }
    // Only the certificates: bundles have comments, which Envoy and Node need not read alike.
    return certificates.map((certificate) => certificate.toString().trim());
  });
  return bundles.length === 0 ? undefined : `${bundles.join("\n")}\n`;
}
