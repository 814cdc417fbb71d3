/** Where a Backend is and how it is reached: addresses, TLS, protocol. */
import type { Backend, BackendEndpoint } from "../resources/backend.ts";
import type { BackendTLSPolicy } from "../resources/backend-tls-policy.ts";
import { idOf } from "../resources/field-path.ts";
import type { FieldPath, Resource } from "../resources/resource.ts";
import type { Compilation } from "./compilation.ts";
import type { References } from "./references.ts";
import type { Upstream, UpstreamEndpoint, UpstreamTls } from "./runtime-config.ts";

/** Envoy's default too; a BackendTrafficPolicy may say otherwise. */
const CONNECT_TIMEOUT_MS = 10_000;
const HTTPS_PORT = 443;
const HTTP_PORT = 80;
const H2C = "gateway.envoyproxy.io/h2c";

/** Makes upstreams of Backends. */
export class Upstreams {
  readonly #compilation: Compilation;
  readonly #references: References;
  readonly #policies: ReadonlyMap<Backend, BackendTLSPolicy>;

  constructor(compilation: Compilation, references: References) {
    this.#compilation = compilation;
    this.#references = references;
    this.#policies = policiesByBackend(compilation, references);
  }

  /** Undefined when this gateway cannot reach it. */
  resolve(backend: Backend): Upstream | undefined {
    const { endpoints = [], appProtocols = [], tls } = backend.spec;
    const resolvedTls = this.#tls(backend);
    if (endpoints.length === 0) return undefined;
    if (resolvedTls === undefined) warnOfClearText(backend, this.#compilation);
    if (appProtocols.some((protocol) => protocol !== H2C)) {
      this.#compilation.notice(backend, ["spec", "appProtocols"], "WebSockets are not applied by this gateway");
    }
    const [firstAlpn] = tls?.alpnProtocols ?? [];
    return {
      endpoints: endpoints.map((endpoint) => upstreamEndpoint(endpoint, resolvedTls !== undefined)),
      protocol: appProtocols.includes(H2C) || (resolvedTls !== undefined && firstAlpn === "h2") ? "h2" : "http/1.1",
      tls: resolvedTls,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
    };
  }

  /** TLS as the Backend and its BackendTLSPolicy say, the policy first
   * (https://gateway.envoyproxy.io/latest/tasks/security/backend-tls/). */
  #tls(backend: Backend): UpstreamTls | undefined {
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
      ca: resolveAuthorities(authorities, this.#compilation, this.#references),
      insecureSkipVerify: policy === undefined && tls?.insecureSkipVerify === true,
    };
  }
}

function upstreamEndpoint({ hostname, fqdn, ip, unix }: BackendEndpoint, overTls: boolean): UpstreamEndpoint {
  const schemePort = overTls ? HTTPS_PORT : HTTP_PORT;
  const host = fqdn?.hostname ?? ip?.address;
  const port = fqdn?.port ?? ip?.port ?? schemePort;
  const name = hostname ?? host ?? "localhost";
  const bracketed = name.includes(":") ? `[${name}]` : name;
  return {
    host,
    port,
    unixPath: unix?.path,
    authority: port === schemePort ? bracketed : `${bracketed}:${port}`,
  };
}

/** The commonest mistake: an HTTPS port without anything that says TLS. */
function warnOfClearText(backend: Backend, compilation: Compilation): void {
  const index = (backend.spec.endpoints ?? []).findIndex(({ fqdn, ip }) => (fqdn ?? ip)?.port === HTTPS_PORT);
  if (index === -1) return;
  compilation.notice(
    backend,
    ["spec", "endpoints", index],
    `is called in clear text on port ${HTTPS_PORT}; for HTTPS add a BackendTLSPolicy for Backend ${idOf(backend)}`,
  );
}

/** The policy of each Backend; policies for Backends that are not there, and second ones, are reported. */
function policiesByBackend(compilation: Compilation, references: References): Map<Backend, BackendTLSPolicy> {
  const policies = new Map<Backend, BackendTLSPolicy>();
  for (const policy of compilation.set.ofKind("BackendTLSPolicy")) {
    for (const [index, { group, kind, name }] of policy.spec.targetRefs.entries()) {
      const path = ["spec", "targetRefs", index];
      if (group !== "gateway.envoyproxy.io" || kind !== "Backend") {
        compilation.notice(policy, path, `a target of kind ${kind} is not applied by this gateway`);
        continue;
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
    const pem = holder.spec.data?.["ca.crt"];
    if (pem?.includes("-----BEGIN CERTIFICATE-----")) return [pem.trim()];
    compilation.fault(resource, at, `${kind} ${idOf(holder)} must hold certificates in PEM under the key ca.crt`);
    return [];
  });
  return bundles.length === 0 ? undefined : `${bundles.join("\n")}\n`;
}
