import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from "../gen/envoy/service/discovery/v3/discovery_pb.ts";
import type { GrpcHandler } from "../grpc/grpc.ts";
import { createLogger } from "../telemetry/logger.ts";
import { AdsServer } from "./ads.ts";
import { type Snapshot, TYPE_URLS } from "./snapshot.ts";

const PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const { clusters, listeners } = TYPE_URLS;

function snapshot(version: string): Snapshot {
  const resource = create(AnySchema, { typeUrl: clusters, value: Buffer.from(version) });
  return {
    version,
    types: new Map([
      [clusters, new Map([["c", { version, resource }]])],
      [listeners, new Map()],
    ]),
  };
}

function server(version: string) {
  const lines: string[] = [];
  const log = createLogger({ level: "info", format: "text", write: (line) => lines.push(line) });
  return { ads: new AdsServer(snapshot(version), log), lines };
}

/** A stream of one Envoy to the server. */
class Stream {
  readonly responses: DeltaDiscoveryResponse[] = [];
  ended: number | undefined;
  readonly #handler: GrpcHandler;

  constructor(ads: AdsServer) {
    const open = ads.methods.get(PATH);
    assert.ok(open);
    this.#handler = open({
      headers: new Map(),
      send: (message) => this.responses.push(fromBinary(DeltaDiscoveryResponseSchema, message)),
      end: (status) => {
        this.ended = status;
      },
    });
  }

  ask(request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void {
    const message = create(DeltaDiscoveryRequestSchema, request);
    this.#handler.onMessage(toBinary(DeltaDiscoveryRequestSchema, message));
  }

  /** As an Envoy does when it starts. */
  start(id: string): void {
    this.ask({ typeUrl: clusters, node: { id } });
    this.ask({ typeUrl: listeners });
    this.answer(clusters);
    this.answer(listeners);
  }

  answer(typeUrl: string, refusal?: string): void {
    const { nonce = "" } = this.responses.findLast((response) => response.typeUrl === typeUrl) ?? {};
    this.ask({ typeUrl, responseNonce: nonce, ...(refusal !== undefined && { errorDetail: { message: refusal } }) });
  }

  finish(): void {
    this.#handler.onEnd();
  }

  close(): void {
    this.#handler.onClose();
  }
}

test("resources go out as Envoy's messages, with their versions", () => {
  const { ads } = server("v1");
  const stream = new Stream(ads);
  stream.ask({ typeUrl: clusters, node: { id: "one" } });
  const [response] = stream.responses;
  assert.equal(response?.typeUrl, clusters);
  assert.equal(response.systemVersionInfo, "v1");
  const [resource] = response.resources;
  assert.deepEqual([resource?.name, resource?.version], ["c", "v1"]);
  assert.equal(Buffer.from(resource?.resource?.value ?? []).toString(), "v1");
});

test("a snapshot is settled when every Envoy has taken it", async () => {
  const { ads } = server("v1");
  const [one, two] = [new Stream(ads), new Stream(ads)];
  one.start("one");
  two.start("two");
  ads.setSnapshot(snapshot("v2"));
  let settled = false;
  const acceptance = ads.settled(60_000).then((acceptance) => {
    settled = true;
    return acceptance;
  });
  one.answer(clusters);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(!settled);
  two.answer(clusters);
  assert.deepEqual(await acceptance, { result: "accepted" });
  assert.deepEqual(
    ads.status().map(({ node, types }) => [node, types.get(clusters)?.acked]),
    [
      ["one", "v2"],
      ["two", "v2"],
    ],
  );
});

test("an Envoy that leaves is not waited for, and none is waited for when none is there", async () => {
  const { ads } = server("v1");
  const stream = new Stream(ads);
  stream.ask({ typeUrl: clusters });
  const acceptance = ads.settled(60_000);
  stream.close();
  assert.deepEqual(await acceptance, { result: "accepted" });
  assert.deepEqual(ads.status(), []);
});

test("what no Envoy answers ends the wait", async () => {
  const { ads } = server("v1");
  new Stream(ads).ask({ typeUrl: clusters });
  assert.deepEqual(await ads.settled(1), { result: "timeout" });
});

test("a refusal settles the snapshot, is counted, and is logged without the values that Envoy quotes", async () => {
  const { ads, lines } = server("v1");
  const stream = new Stream(ads);
  stream.start("one");
  ads.setSnapshot(snapshot("v2"));
  const acceptance = ads.settled(60_000);
  const pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
  stream.answer(clusters, `bad value inline_string: "sk-secret" in ${pem}: no such field`);
  const message = 'bad value inline_string: "[REDACTED]" in [PEM]: no such field';
  const refusal = { typeUrl: clusters, version: "v2", message };
  assert.deepEqual(await acceptance, { result: "refused", refusal });
  assert.deepEqual(ads.refusal, refusal);
  assert.equal(ads.refusals, 1);
  assert.match(lines.join(""), /ERROR Envoy refuses .* type="Cluster" version="v2" .*no such field/);
  assert.doesNotMatch(lines.join(""), /secret|AAAA/);
});

test("a stream that its Envoy ends is ended", () => {
  const { ads } = server("v1");
  const stream = new Stream(ads);
  stream.finish();
  assert.equal(stream.ended, 0);
});
