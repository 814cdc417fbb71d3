/** The way out: connections to backends, pooled, one client per upstream. Nothing here knows what is said over them. */
import type { Upstream } from "../../config/runtime-config.ts";
import { invariant } from "../../errors/invariant.ts";
import { Dial } from "./dial.ts";
import { Http1Client } from "./http1-client.ts";
import { Http2Client } from "./http2-client.ts";
import { type ClientLimits, DEFAULT_LIMITS } from "./limits.ts";
import { TlsSettings } from "./tls.ts";
import type { UpstreamCall, UpstreamClient, UpstreamHandler, UpstreamRequest } from "./upstream.ts";

/**
 * Makes the client of an upstream; nothing is dialled before the first request.
 *
 * Its `send` throws a GatewayError for what cannot be sent at all, `internal` for a malformed request and
 * `upstream_unavailable` for a full queue; it never calls the handler itself.
 */
export function createUpstreamClient(upstream: Upstream, limits: ClientLimits = DEFAULT_LIMITS): UpstreamClient {
  const { protocol, tls, connectTimeoutMs } = upstream;
  const timing = { connectTimeoutMs, nowMs: limits.nowMs };
  const clients = upstream.endpoints.map((endpoint) => {
    const dial = new Dial(endpoint, tls && new TlsSettings(tls, protocol), timing);
    return protocol === "h2" ? new Http2Client(dial, limits) : new Http1Client(dial, limits);
  });
  return new EndpointsInTurn(clients);
}

/** Sends each request to the next endpoint. */
class EndpointsInTurn implements UpstreamClient {
  readonly #clients: readonly UpstreamClient[];
  #next = 0;

  constructor(clients: readonly UpstreamClient[]) {
    this.#clients = clients;
  }

  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const client = this.#clients[this.#next];
    invariant(client, "an upstream has an endpoint");
    this.#next = (this.#next + 1) % this.#clients.length;
    return client.send(request, handler);
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}
