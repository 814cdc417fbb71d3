/**
 * Serves Envoy its configuration: the aggregated discovery service in its incremental form, over our gRPC server
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol). Any number of Envoys may be connected.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from "../gen/envoy/service/discovery/v3/discovery_pb.ts";
import type { GrpcHandler, GrpcMethods, GrpcStream } from "../grpc/grpc.ts";
import type { Logger } from "../telemetry/logger.ts";
import { AdsClient, type AdsResponse, type TypeStatus } from "./ads-client.ts";
import type { Refusal } from "./ads-subscription.ts";
import type { Snapshot } from "./snapshot.ts";

const DELTA = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/** A connected Envoy. */
export interface EnvoyStatus {
  /** Its node id. */
  readonly node: string;
  /** By type URL. */
  readonly types: ReadonlyMap<string, TypeStatus>;
}

/** What became of a snapshot: `refusal` is the first of those that some Envoy answered with. */
export type Acceptance =
  | { readonly result: "accepted" }
  | { readonly result: "refused"; readonly refusal: Refusal }
  | { readonly result: "timeout" };

/** Holds the snapshot in force and tells every connected Envoy of it. */
export class AdsServer {
  /** The service to register with a gRPC server. */
  readonly methods: GrpcMethods;
  readonly #log: Logger;
  readonly #streams = new Set<AdsStream>();
  readonly #listeners = new Set<() => void>();
  #snapshot: Snapshot;
  #refusals = 0;

  constructor(snapshot: Snapshot, log: Logger) {
    this.#snapshot = snapshot;
    this.#log = log;
    this.methods = new Map([[DELTA, (stream: GrpcStream) => this.#open(stream)]]);
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Puts a snapshot in force. */
  setSnapshot(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const { client } of this.#streams) client.change(snapshot);
  }

  /** Every connected Envoy. */
  status(): readonly EnvoyStatus[] {
    return [...this.#streams].map(({ node, client }) => ({ node, types: client.status() }));
  }

  /** How often an Envoy has refused something. */
  get refusals(): number {
    return this.#refusals;
  }

  /** The first refusal of the snapshot in force. */
  get refusal(): Refusal | undefined {
    return [...this.#streams].map(({ client }) => client.refusal).find((refusal) => refusal !== undefined);
  }

  /**
   * Calls `changed` whenever an Envoy connects, leaves, takes or refuses something.
   *
   * @returns A function that ends this.
   */
  onChange(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** Resolves when every Envoy that is connected then has taken the snapshot in force, or one has refused it. */
  settled(timeoutMs: number): Promise<Acceptance> {
    return new Promise((resolve) => {
      const finish = (acceptance: Acceptance) => {
        clearTimeout(timer);
        off();
        resolve(acceptance);
      };
      const look = () => {
        const { refusal } = this;
        if (refusal !== undefined) finish({ result: "refused", refusal });
        else if ([...this.#streams].every(({ client }) => client.accepted)) finish({ result: "accepted" });
      };
      const timer = setTimeout(() => finish({ result: "timeout" }), timeoutMs);
      const off = this.onChange(look);
      look();
    });
  }

  #open(grpc: GrpcStream): GrpcHandler {
    const stream = new AdsStream(grpc, this.#snapshot, {
      changed: () => this.#changed(),
      closed: (stream) => {
        this.#streams.delete(stream);
        this.#log.debug("an Envoy has left", { node: stream.node });
        this.#changed();
      },
      refused: (stream, { typeUrl, version, message }) => {
        this.#refusals += 1;
        const type = typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
        const fields = { node: stream.node, type, version, reason: message };
        this.#log.error("Envoy refuses a part of its configuration; the old one stays in force there", fields);
      },
    });
    this.#streams.add(stream);
    return stream;
  }

  #changed(): void {
    for (const changed of [...this.#listeners]) changed();
  }
}

interface AdsStreamEvents {
  readonly changed: () => void;
  readonly closed: (stream: AdsStream) => void;
  readonly refused: (stream: AdsStream, refusal: Refusal) => void;
}

/** The stream of one Envoy: messages to and from their bytes. */
class AdsStream implements GrpcHandler {
  readonly client: AdsClient;
  /** Known from the first request on. */
  node = "";
  readonly #grpc: GrpcStream;
  readonly #events: AdsStreamEvents;

  constructor(grpc: GrpcStream, snapshot: Snapshot, events: AdsStreamEvents) {
    this.#grpc = grpc;
    this.#events = events;
    this.client = new AdsClient(
      snapshot,
      (response) => this.#send(response),
      (refusal) => events.refused(this, refusal),
    );
  }

  onMessage(message: Uint8Array): void {
    const request = fromBinary(DeltaDiscoveryRequestSchema, message);
    if (request.node !== undefined) this.node = request.node.id;
    this.client.take(request);
    this.#events.changed();
  }

  onEnd(): void {
    this.#grpc.end(0);
  }

  onClose(): void {
    this.client.close();
    this.#events.closed(this);
  }

  #send({ typeUrl, nonce, version, resources, removed }: AdsResponse): void {
    const response = create(DeltaDiscoveryResponseSchema, {
      typeUrl,
      nonce,
      systemVersionInfo: version,
      resources: resources.map(([name, { version, resource }]) => ({ name, version, resource })),
      removedResources: [...removed],
    });
    this.#grpc.send(toBinary(DeltaDiscoveryResponseSchema, response));
  }
}
