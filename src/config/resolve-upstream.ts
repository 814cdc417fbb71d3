/** Where a Backend is and how it is reached: addresses and protocol. */
import type { Backend, BackendEndpoint } from "../resources/backend.ts";
import { idOf } from "../resources/field-path.ts";
import type { Gateway } from "../resources/gateway.ts";
import type { Compilation } from "./compilation.ts";
import type { References } from "./references.ts";
import { UpstreamTlsSettings } from "./resolve-upstream-tls.ts";
import type { Upstream, UpstreamEndpoint } from "./runtime-config.ts";

/** Envoy's default too; a BackendTrafficPolicy may say otherwise. */
const CONNECT_TIMEOUT_MS = 10_000;
const HTTPS_PORT = 443;
const HTTP_PORT = 80;
const H2C = "gateway.envoyproxy.io/h2c";

/** Makes upstreams of Backends, one of each, so that each fault is told once. */
export class Upstreams {
  readonly #compilation: Compilation;
  readonly #tls: UpstreamTlsSettings;
  readonly #resolved = new Map<Backend, Upstream | undefined>();

  /** @param gateway The one that is served; it may have a certificate for backends. */
  constructor(compilation: Compilation, references: References, gateway: Gateway | undefined) {
    this.#compilation = compilation;
    this.#tls = new UpstreamTlsSettings(compilation, references, gateway);
  }

  /** Undefined when this gateway cannot reach it. */
  resolve(backend: Backend): Upstream | undefined {
    if (!this.#resolved.has(backend)) this.#resolved.set(backend, this.#resolve(backend));
    return this.#resolved.get(backend);
  }

  #resolve(backend: Backend): Upstream | undefined {
    const { endpoints = [], appProtocols = [], tls } = backend.spec;
    const resolvedTls = this.#tls.of(backend);
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
