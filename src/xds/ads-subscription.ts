/** What one Envoy wants of one resource type, what it was sent of it, and what it said to that. */
import type { PackedResource, PackedResources } from "./snapshot.ts";

/** The fields of a delta discovery request that concern one type. */
export interface SubscriptionRequest {
  readonly typeUrl: string;
  readonly resourceNamesSubscribe: readonly string[];
  readonly resourceNamesUnsubscribe: readonly string[];
  readonly initialResourceVersions: Readonly<Record<string, string>>;
  readonly responseNonce: string;
  readonly errorDetail?: { readonly message: string } | undefined;
}

/** What is sent in one response. */
export interface Delta {
  readonly resources: readonly (readonly [name: string, resource: PackedResource])[];
  readonly removed: readonly string[];
}

/** An answer of Envoy's that refused a response. */
export interface Refusal {
  readonly typeUrl: string;
  /** Version of the snapshot that was refused. */
  readonly version: string;
  /** Without what could be a credential. */
  readonly message: string;
}

const WILDCARD = "*";
/** Stands for "Envoy knows that there is none". */
const ABSENT = "";

/**
 * State of one type on one stream, in the incremental protocol
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#incremental-xds). It sends nothing itself.
 */
export class Subscription {
  /** Every resource of the type is wanted. */
  #wildcard = false;
  readonly #names = new Set<string>();
  /** Version that Envoy has or was sent, by name. */
  readonly #sent = new Map<string, string>();
  /** Snapshot versions of responses that Envoy has not answered, by nonce. */
  readonly #unanswered = new Map<string, string>();
  /** An answer is owed even if it is empty: Envoy's start waits for one. */
  #owed = true;
  /** Snapshot whose resources Envoy took last. */
  acked: string | undefined;
  refusal: Refusal | undefined;

  /** Begins with the first request of the type on its stream. */
  constructor(first: SubscriptionRequest) {
    this.#wildcard = first.resourceNamesSubscribe.length === 0;
    for (const [name, version] of Object.entries(first.initialResourceVersions)) {
      this.#sent.set(name, version);
      this.#owed = false;
    }
    this.#subscribe(first.resourceNamesSubscribe);
  }

  /** Whether Envoy has answered all that it was sent. */
  get idle(): boolean {
    return this.#unanswered.size === 0;
  }

  /** Takes a further request; true when it was an answer that refused. */
  take(request: SubscriptionRequest): boolean {
    for (const name of request.resourceNamesUnsubscribe) this.#unsubscribe(name);
    for (const name of request.resourceNamesSubscribe) {
      // Asked for again: whatever was sent before, Envoy has dropped it.
      if (this.#names.has(name)) this.#sent.delete(name);
    }
    this.#subscribe(request.resourceNamesSubscribe);
    const version = this.#unanswered.get(request.responseNonce);
    if (version === undefined) return false;
    this.#unanswered.delete(request.responseNonce);
    if (request.errorDetail === undefined) {
      this.acked = version;
      return false;
    }
    this.refusal = { typeUrl: request.typeUrl, version, message: withoutValues(request.errorDetail.message) };
    return true;
  }

  /** What Envoy wants and does not have; undefined = nothing is to be sent. */
  additions(resources: PackedResources): Delta | undefined {
    const wanted = this.#wildcard ? [...resources.keys(), ...this.#names] : this.#names;
    const changed = new Map<string, PackedResource>();
    const removed: string[] = [];
    for (const name of wanted) {
      const resource = resources.get(name);
      if (resource === undefined) {
        // Told at once that there is none, Envoy does not wait for it.
        if (!this.#sent.has(name)) removed.push(name);
      } else if (this.#sent.get(name) !== resource.version) {
        changed.set(name, resource);
      }
    }
    if (changed.size === 0 && removed.length === 0 && !this.#owed) return undefined;
    return { resources: [...changed], removed };
  }

  /** What Envoy has and is no more; undefined = nothing is to be sent. */
  removals(resources: PackedResources): Delta | undefined {
    const removed = [...this.#sent].filter(([name, version]) => version !== ABSENT && !resources.has(name));
    return removed.length === 0 ? undefined : { resources: [], removed: removed.map(([name]) => name) };
  }

  /** Both at once. */
  changes(resources: PackedResources): Delta | undefined {
    const [added, gone] = [this.additions(resources), this.removals(resources)];
    if (added === undefined || gone === undefined) return added ?? gone;
    return { resources: added.resources, removed: [...added.removed, ...gone.removed] };
  }

  /** Notes that a response has been sent. */
  sent(delta: Delta, nonce: string, version: string): void {
    this.#owed = false;
    this.#unanswered.set(nonce, version);
    for (const [name, resource] of delta.resources) this.#sent.set(name, resource.version);
    for (const name of delta.removed) {
      if (this.#names.has(name)) this.#sent.set(name, ABSENT);
      else this.#sent.delete(name);
    }
  }

  /** Makes Envoy get resources again, though they have not changed. */
  repeat(names: Iterable<string>): void {
    for (const name of names) if (this.#sent.get(name) !== ABSENT) this.#sent.delete(name);
  }

  #subscribe(names: readonly string[]): void {
    for (const name of names) {
      if (name === WILDCARD) this.#wildcard = true;
      else this.#names.add(name);
    }
  }

  #unsubscribe(name: string): void {
    if (name === WILDCARD) {
      this.#wildcard = false;
      for (const sent of this.#sent.keys()) if (!this.#names.has(sent)) this.#sent.delete(sent);
      return;
    }
    this.#names.delete(name);
    if (!this.#wildcard) this.#sent.delete(name);
  }
}

/** Envoy quotes what it refuses: a value of the configuration, such as a key, goes no further. */
function withoutValues(message: string): string {
  return message
    .replaceAll(/-----BEGIN[\s\S]*?(-----END[^-]*-----|$)/g, "[PEM]")
    .replaceAll(/\s+/g, " ")
    .trim()
    .replaceAll(/(inline_string|inline_bytes)(:\s*)"(?:[^"\\]|\\.)*"?/g, '$1$2"[REDACTED]"');
}
