/** One connected Envoy: the order in which it is told of a change, and what it made of it. */
import { type Delta, type Refusal, Subscription, type SubscriptionRequest } from "./ads-subscription.ts";
import { type PackedResources, type Snapshot, TYPE_URLS } from "./snapshot.ts";

/** How long a change waits for clusters to warm (addresses looked up, first health check) before routes use them. */
const WARM_MS = 10_000;

const NO_RESOURCES: PackedResources = new Map();

/** A response on the stream. */
export interface AdsResponse extends Delta {
  readonly typeUrl: string;
  readonly nonce: string;
  /** Version of the snapshot. */
  readonly version: string;
}

/** What an Envoy has made of the resources of one type. */
export interface TypeStatus {
  /** Version of the snapshot it took last. */
  readonly acked: string | undefined;
  /** The last refusal. */
  readonly refusal: Refusal | undefined;
}

/**
 * Tells an Envoy of changes so that nothing is used before it is there, nor removed while it is used ("make before
 * break", https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations): clusters
 * and endpoints; when Envoy has taken them, listeners and routes; when it has taken those, clusters that go. Envoy answers a
 * change of clusters only when they are warm. A refusal stops the change where it stands: the rest waits for a snapshot
 * that is better.
 */
export class AdsClient {
  readonly #types = new Map<string, Subscription>();
  readonly #send: (response: AdsResponse) => void;
  readonly #refused: (refusal: Refusal) => void;
  #snapshot: Snapshot;
  #warming: NodeJS.Timeout | undefined;
  #waitedForWarming = false;
  #lastNonce = 0;

  constructor(snapshot: Snapshot, send: (response: AdsResponse) => void, refused: (refusal: Refusal) => void) {
    this.#snapshot = snapshot;
    this.#send = send;
    this.#refused = refused;
  }

  /** Takes a request of Envoy's. */
  take(request: SubscriptionRequest): void {
    const { typeUrl } = request;
    const subscription = this.#types.get(typeUrl);
    if (subscription === undefined) {
      this.#types.set(typeUrl, new Subscription(request));
    } else if (subscription.take(request) && subscription.refusal !== undefined) {
      this.#refused(subscription.refusal);
    }
    this.#advance();
  }

  /** Tells of a new snapshot. */
  change(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#waitedForWarming = false;
    this.#advance();
  }

  /** Whether Envoy has taken the whole snapshot. */
  get accepted(): boolean {
    const { clusters, listeners, routes } = TYPE_URLS;
    // Envoy asks for routes when it has taken the listener that names them.
    const asked = this.#types.has(clusters) && this.#types.has(listeners);
    const waits = (this.#snapshot.types.get(routes)?.size ?? 0) > 0 && !this.#types.has(routes);
    return asked && !waits && this.refusal === undefined && [...this.#types].every((entry) => this.#isDone(...entry));
  }

  /** The first refusal of the snapshot in force. */
  get refusal(): Refusal | undefined {
    const { version } = this.#snapshot;
    return [...this.#types.values()].find(({ refusal }) => refusal?.version === version)?.refusal;
  }

  /** By type URL. */
  status(): ReadonlyMap<string, TypeStatus> {
    return new Map([...this.#types].map(([typeUrl, { acked, refusal }]) => [typeUrl, { acked, refusal }]));
  }

  /** The stream is over. */
  close(): void {
    clearTimeout(this.#warming);
  }

  #isDone(typeUrl: string, subscription: Subscription): boolean {
    const resources = this.#resources(typeUrl);
    return subscription.idle && !subscription.additions(resources) && !subscription.removals(resources);
  }

  #advance(): void {
    const { clusters, endpoints, listeners, routes } = TYPE_URLS;
    // What is not in a certain order (secrets, types we have none of) goes with the first.
    this.#add(clusters, endpoints, ...[...this.#types.keys()].filter((url) => url !== listeners && url !== routes));
    if (this.refusal !== undefined) return;
    if (!this.#idle(clusters, endpoints) && !this.#warmedLongEnough()) return;
    this.#stopWaiting();
    // At once, since a listener may have the address of one that goes; Envoy removes before it adds.
    this.#respond(listeners, this.#types.get(listeners)?.changes(this.#resources(listeners)));
    this.#add(routes);
    if (this.refusal !== undefined || !this.#idle(clusters, endpoints, listeners, routes)) return;
    this.#remove(routes, clusters, ...this.#types.keys());
  }

  #add(...typeUrls: readonly string[]): void {
    for (const typeUrl of typeUrls)
      this.#respond(typeUrl, this.#types.get(typeUrl)?.additions(this.#resources(typeUrl)));
  }

  #remove(...typeUrls: readonly string[]): void {
    for (const typeUrl of typeUrls)
      this.#respond(typeUrl, this.#types.get(typeUrl)?.removals(this.#resources(typeUrl)));
  }

  #respond(typeUrl: string, delta: Delta | undefined): void {
    if (delta === undefined) return;
    const nonce = String(++this.#lastNonce);
    const { version } = this.#snapshot;
    this.#types.get(typeUrl)?.sent(delta, nonce, version);
    this.#send({ ...delta, typeUrl, nonce, version });
    // A cluster that changes waits for its endpoints as a new one does, but Envoy, which has them, does not ask for them.
    if (typeUrl === TYPE_URLS.clusters) {
      this.#types.get(TYPE_URLS.endpoints)?.repeat(delta.resources.map(([name]) => name));
    }
  }

  #resources(typeUrl: string): PackedResources {
    return this.#snapshot.types.get(typeUrl) ?? NO_RESOURCES;
  }

  #idle(...typeUrls: readonly string[]): boolean {
    return typeUrls.every((typeUrl) => this.#types.get(typeUrl)?.idle ?? true);
  }

  /** A name server that does not answer must not hold up the routes to every other backend. */
  #warmedLongEnough(): boolean {
    this.#warming ??= setTimeout(() => {
      this.#waitedForWarming = true;
      this.#advance();
    }, WARM_MS).unref();
    return this.#waitedForWarming;
  }

  #stopWaiting(): void {
    clearTimeout(this.#warming);
    this.#warming = undefined;
  }
}
