/** The connections of a process, one client per distinct upstream; equal upstreams share, also across reloads. */
import type { Upstream } from "../../config/runtime-config.ts";
import { createUpstreamClient } from "./client.ts";
import type { UpstreamClient } from "./upstream.ts";

/** Hands out clients and closes those that no configuration names any more. */
export class UpstreamRegistry {
  readonly #byKey = new Map<string, UpstreamClient>();
  /** Saves writing the key per request; forgotten with the configuration. */
  #byUpstream = new WeakMap<Upstream, UpstreamClient>();

  client(upstream: Upstream): UpstreamClient {
    const known = this.#byUpstream.get(upstream);
    if (known !== undefined) return known;
    const key = keyOf(upstream);
    const client = this.#byKey.get(key) ?? createUpstreamClient(upstream);
    this.#byKey.set(key, client);
    this.#byUpstream.set(upstream, client);
    return client;
  }

  /** Keeps the clients of these upstreams; the others finish what they do and close. */
  retain(upstreams: readonly Upstream[]): void {
    const wanted = new Set(upstreams.map(keyOf));
    for (const [key, client] of this.#byKey) {
      if (wanted.has(key)) continue;
      client.close();
      this.#byKey.delete(key);
    }
    this.#byUpstream = new WeakMap();
  }

  closeAll(): void {
    this.retain([]);
  }
}

function keyOf(upstream: Upstream): string {
  return JSON.stringify(upstream);
}
