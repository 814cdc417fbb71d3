/** The processor and an Envoy that says anything, or the wrong thing, over a connection of another make. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Client, type ClientDuplexStream, credentials, Metadata } from "@grpc/grpc-js";
import fc from "fast-check";
import { CredentialStore } from "../../src/backend-auth/credential-store.ts";
import { CallerAuthenticator } from "../../src/caller-auth/authenticate.ts";
import { load } from "../../src/cli/load.ts";
import { LISTENER_HEADER, ROLE_HEADER } from "../../src/exchange/envoy-names.ts";
import { ExtProcHost } from "../../src/extproc/host.ts";
import {
  ProcessingRequestSchema,
  type ProcessingResponse,
  ProcessingResponseSchema,
} from "../../src/gen/envoy/service/ext_proc/v3/external_processor_pb.ts";
import { createGrpcServer, type GrpcServer } from "../../src/grpc/server.ts";
import { LimitAlerts } from "../../src/ratelimit/alerts.ts";
import { Limiter } from "../../src/ratelimit/limiter.ts";
import { MemoryStore } from "../../src/ratelimit/memory-store.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import type { RequestRecord } from "../../src/telemetry/request-record.ts";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { CHAT, chat } from "../conformance/configs.ts";
import { eventually, faultsConfig } from "./envoy-tools.ts";

const PROCESS = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";
const RUNS = 300;
const RESETS = 2000;
const CALLS_AT_ONCE = 100;

type Saying = MessageInitShape<typeof ProcessingRequestSchema>["request"];

const HEAD: Saying = {
  case: "requestHeaders",
  value: { headers: headers({ ":method": "POST", ":path": CHAT, ":authority": "h", ":scheme": "http" }) },
};
const BODY: Saying = {
  case: "requestBody",
  value: { body: Buffer.from(JSON.stringify(chat("one"))), endOfStream: true },
};
const ANSWER_HEAD: Saying = {
  case: "responseHeaders",
  value: { headers: headers({ ":status": "200", "content-type": "application/json" }) },
};
const STREAM_HEAD: Saying = {
  case: "responseHeaders",
  value: { headers: headers({ ":status": "200", "content-type": "text/event-stream" }) },
};
const ANSWER_BODY: Saying = {
  case: "responseBody",
  value: { body: Buffer.from('{"id":"x","choices":[],"usage":{"prompt_tokens":1}}'), endOfStream: true },
};
const CHUNK: Saying = { case: "responseBody", value: { body: Buffer.from('data: {"choices":[]}\n\n') } };
const WORDS: Readonly<Record<string, Buffer>> = {
  head: said(HEAD),
  body: said(BODY),
  empty: said({ case: "requestBody", value: { body: Buffer.alloc(0) } }),
  "request trailers": said({ case: "requestTrailers", value: {} }),
  "answer's head": said(ANSWER_HEAD),
  "stream's head": said(STREAM_HEAD),
  "answer's body": said(ANSWER_BODY),
  chunk: said(CHUNK),
  "answer's trailers": said({ case: "responseTrailers", value: {} }),
  "no phase": said({ case: undefined }),
  // A field that there is not (15, of bytes).
  "unknown phase": Buffer.from([0x7a, 0x01, 0x00]),
  garbage: Buffer.from([0xff, 0xff, 0xff, 0xff]),
  cut: said(HEAD).subarray(0, 9),
};
const GOOD = ["head", "body", "answer's head", "answer's body"];

function headers(all: Readonly<Record<string, string>>) {
  return { headers: Object.entries(all).map(([key, value]) => ({ key, rawValue: Buffer.from(value) })) };
}

function said(request: Saying): Buffer {
  return Buffer.from(
    toBinary(ProcessingRequestSchema, create(ProcessingRequestSchema, { request: request ?? { case: undefined } })),
  );
}

const records: RequestRecord[] = [];
const errors: unknown[] = [];
let host: ExtProcHost;
let server: GrpcServer;
let client: Client;
before(async () => {
  const text = faultsConfig().replaceAll(UPSTREAM_PORT, "9");
  const { plan, faults } = await load({ sources: [{ name: "config.yaml", text }], loadedAt: 0 }, {}, "envoy");
  assert.ok(plan, JSON.stringify(faults));
  const log = createLogger({ level: "error", format: "text", write: () => undefined });
  const sink = { settle: (record: RequestRecord) => void records.push(record) };
  const times = { nowMs: () => performance.now(), wallMs: () => 0, random: () => 0, newId: () => "0123456789" };
  const keys = new CredentialStore({ nowMs: () => 0, random: () => 0, env: {}, log });
  const callers = new CallerAuthenticator({
    wallMs: () => 0,
    fetchKeySet: () => Promise.reject(new Error("none")),
    log,
  });
  const limiter = new Limiter({
    ...{ store: new MemoryStore({ nowMs: Date.now }), process: "test", nowMs: Date.now, log },
    ...{ withoutStore: "fail-open", replicas: 1 },
  });
  const limits = { limiter, alerts: new LimitAlerts({ limiter, nowMs: Date.now, log }), limitsInEnvoy: false };
  host = new ExtProcHost({ sink, log, credentials: keys, callers, ...limits, ...times }, plan);
  server = createGrpcServer(host.methods, { onError: (error) => errors.push(error) });
  client = new Client(`127.0.0.1:${await server.listen({ host: "127.0.0.1", port: 0 })}`, credentials.createInsecure());
});
after(async () => {
  client.close();
  await server.close(0);
  await host.stop(0);
});

type Call = ClientDuplexStream<Buffer, ProcessingResponse>;

function call(role: string): Call {
  const metadata = new Metadata();
  metadata.set(ROLE_HEADER, role);
  metadata.set(LISTENER_HEADER, "default");
  const opened = client.makeBidiStreamRequest(
    PROCESS,
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => fromBinary(ProcessingResponseSchema, bytes),
    metadata,
  );
  // How it ends is looked at where it matters.
  return opened.on("error", () => undefined);
}

/** Says words in a call; resolves with the phases that were answered, when the call is over. */
function say(role: string, words: readonly string[], end: "end" | "cancel"): Promise<readonly string[]> {
  const one = call(role);
  const phases: string[] = [];
  one.on("data", (response: ProcessingResponse) => phases.push(response.response.case ?? ""));
  return new Promise((resolve) => {
    one.on("status", () => resolve(phases));
    for (const word of words) one.write(WORDS[word] ?? assert.fail(word));
    if (end === "end") one.end();
    else setImmediate(() => one.cancel());
  });
}

async function served(): Promise<void> {
  const phases = await say("router", GOOD, "end");
  assert.deepEqual(phases, ["requestHeaders", "requestBody", "responseHeaders", "responseBody"]);
}

/** Until everything that was begun has ended: what is not told by an access log is given up after a second. */
async function nothingLeft(): Promise<void> {
  await eventually("no request in flight", () => (host.inFlight + host.requests.size === 0 ? true : undefined));
  await eventually("no stream", () => (server.streams === 0 ? true : undefined));
}

const DISORDERS: readonly { readonly name: string; readonly words: readonly string[] }[] = [
  { name: "a body before the head", words: ["body"] },
  { name: "a second head", words: ["head", "head"] },
  { name: "a second body", words: ["head", "body", "body"] },
  { name: "an answer before the request", words: ["answer's head", "answer's body"] },
  { name: "an answer before the request's body", words: ["head", "answer's head", "answer's body"] },
  { name: "an answer's body before its head", words: ["head", "body", "answer's body"] },
  { name: "chunks behind the end", words: [...GOOD, "answer's body", "chunk", "answer's trailers"] },
  {
    name: "a stream that goes on behind its trailers",
    words: ["head", "body", "stream's head", "answer's trailers", "chunk"],
  },
  { name: "a phase that is not known", words: ["head", "unknown phase"] },
  { name: "no phase", words: ["no phase"] },
  { name: "garbage", words: ["garbage"] },
  { name: "garbage behind the head", words: ["head", "garbage"] },
  { name: "half a message", words: ["cut"] },
];

for (const { name, words } of DISORDERS) {
  test(`${name}: the call ends, and the next is served`, async () => {
    await say("router", words, "end");
    await say("upstream", words, "end");
    await served();
    await nothingLeft();
  });
}

test("calls that end early, at every phase, leave nothing behind", async () => {
  const ends = ["end", "cancel"] as const;
  const lengths = Array.from({ length: GOOD.length + 1 }, (_, length) => length);
  const calls = lengths.flatMap((length) => ends.map((end) => ({ words: GOOD.slice(0, length), end })));
  const before = records.length;
  await Promise.all(calls.map(({ words, end }) => say("router", words, end)));
  await nothingLeft();
  assert.ok(records.length - before <= calls.length, `${records.length - before} records`);
  await served();
});

test("whatever is said in whatever order, each request has one record and the next call is served", async () => {
  const words = fc.array(fc.constantFrom(...Object.keys(WORDS)), { maxLength: 8 });
  const role = fc.constantFrom("router", "upstream", "nobody");
  const script = fc.record({ role, words, end: fc.constantFrom("end" as const, "cancel" as const) });
  const scripts = fc.sample(script, { numRuns: RUNS, seed: 1 });
  const before = records.length;
  for (let at = 0; at < scripts.length; at += CALLS_AT_ONCE) {
    const some = scripts.slice(at, at + CALLS_AT_ONCE);
    await Promise.all(some.map((one) => say(one.role, one.words, one.end)));
  }
  await nothingLeft();
  assert.ok(records.length - before <= scripts.length);
  assert.equal(new Set(records).size, records.length);
  await served();
});

test("thousands of calls that are opened and reset leave nothing behind", async () => {
  for (let done = 0; done < RESETS; done += CALLS_AT_ONCE) {
    const some = Array.from({ length: CALLS_AT_ONCE }, (_, n) => say("router", GOOD.slice(0, n % 3), "cancel"));
    await Promise.all(some);
  }
  await nothingLeft();
  await served();
  assert.equal(server.connections, 1);
});
