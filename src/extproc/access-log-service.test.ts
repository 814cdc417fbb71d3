import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { RequestMethod } from "../gen/envoy/config/core/v3/base_pb.ts";
import { GRPC_STATUS } from "../grpc/grpc.ts";
import { createGrpcServer } from "../grpc/server.ts";
import { CHAT_HEAD, chat, STANDARD } from "./scripted-config.ts";
import { type Logged, logMessage, planOf, ScriptedEnvoy } from "./scripted-envoy.ts";

const PLAN = await planOf(STANDARD);
const LEFT: Logged = { flags: { downstreamConnectionTermination: true }, details: "downstream_remote_disconnect" };

const REFUSED: readonly { status: number; details: string; errorType: string; errorMessage: string }[] = [
  {
    status: 400,
    details: "http1.codec_error",
    errorType: "invalid_request",
    errorMessage: "malformed request: not valid HTTP (http1.codec_error)",
  },
  {
    status: 408,
    details: "request_header_timeout",
    errorType: "request_timeout",
    errorMessage: "the request did not arrive in time (request_header_timeout)",
  },
  {
    status: 413,
    details: "request_payload_too_large",
    errorType: "body_too_large",
    errorMessage: "the request body is larger than this gateway takes (request_payload_too_large)",
  },
  {
    status: 431,
    details: "request_headers_too_large",
    errorType: "headers_too_large",
    errorMessage: "the request headers are larger than this gateway takes (request_headers_too_large)",
  },
];

for (const { status, details, errorType, errorMessage } of REFUSED) {
  test(`what Envoy refused with ${status} has a record, though it never came here`, () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const logged = { status, details, requestId: "r-9", method: RequestMethod.GET, path: "/x?key=secret" };
    envoy.accessLog().say(logMessage({ ...logged, responseBytes: 77 }));
    const { record } = envoy;
    assert.partialDeepStrictEqual(record, { status, errorType, errorMessage, outcome: "error" });
    assert.partialDeepStrictEqual(record, { requestId: "r-9", method: "GET", path: "/x", responseBytes: 77 });
    assert.deepEqual([record.route, record.backend, record.attempts], ["", "", 0]);
    assert.equal(envoy.host.inFlight, 0);
  });
}

test("a failure of Envoy's own that has no better name is internal", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  envoy.accessLog().say(logMessage({ status: 500, details: "whatever_this_is" }));
  assert.partialDeepStrictEqual(envoy.record, { status: 500, outcome: "error", errorType: "internal" });
});

test("a caller that left before Envoy could ask is no error", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  envoy.accessLog().say(logMessage(LEFT));
  assert.partialDeepStrictEqual(envoy.record, { status: 499, outcome: "cancelled", errorType: "client_closed" });
});

test("a refused request without an id gets one", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  envoy.accessLog().say(logMessage({ status: 400, requestId: "" }));
  assert.match(envoy.record.requestId, /^id-/);
});

test("every entry of a message is read", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call } = envoy.admitted(CHAT_HEAD, chat("one"));
  call.close();
  envoy.accessLog().say(logMessage({ status: 400, path: "/" }, { ...LEFT, id: call.id }, { status: 431, path: "/" }));
  assert.deepEqual(
    envoy.records.map(({ status }) => status),
    [400, 499, 431],
  );
});

const UNRELATED: readonly { name: string; entry: Logged }[] = [
  { name: "another path", entry: { path: "/v1/messages" } },
  { name: "another request id", entry: { requestId: "r-2" } },
  { name: "another method", entry: { method: RequestMethod.GET } },
];

for (const { name, entry } of UNRELATED) {
  test(`an entry without an id and with ${name} is about another request`, () => {
    const envoy = new ScriptedEnvoy(PLAN);
    const { call } = envoy.admitted(CHAT_HEAD, chat("one"));
    call.close();
    envoy.accessLog().say(logMessage({ ...LEFT, ...entry }));
    assert.equal(envoy.records.length, 1);
    assert.equal(envoy.host.inFlight, 1);
  });
}

test("an entry without an id is not about a request that goes on", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call } = envoy.admitted(CHAT_HEAD, chat("one"));
  envoy.accessLog().say(logMessage({ status: 400, details: "http1.codec_error" }));
  assert.deepEqual(envoy.records, []);
  call.responseHead(200, { "content-type": "application/json" });
  assert.equal(envoy.record.errorType, "invalid_request");
  assert.equal(envoy.host.inFlight, 1);
  assert.equal(call.status, undefined);
});

test("an entry without an id is not about a request that has an entry with its id", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const { call } = envoy.admitted(CHAT_HEAD, chat("one"));
  const log = envoy.accessLog();
  log.say(logMessage({ status: 400, details: "http1.codec_error" }, { ...LEFT, id: call.id }));
  call.close();
  assert.deepEqual(
    envoy.records.map(({ status }) => status),
    [400, 499],
  );
  assert.equal(envoy.host.inFlight, 0);
});

test("what a process had in hand that is gone has its record by the log", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  envoy
    .accessLog()
    .say(logMessage({ id: "0-before-7", status: 503, details: "upstream_reset_before_response_started" }));
  assert.equal(envoy.record.status, 503);
  assert.equal(envoy.record.outcome, "error");
});

test("the log's end is answered, and bytes that are no log end it", () => {
  const envoy = new ScriptedEnvoy(PLAN);
  const [whole, broken] = [envoy.accessLog(), envoy.accessLog()];
  whole.halfClose();
  assert.equal(whole.status, GRPC_STATUS.ok);
  broken.say(Buffer.from([0xff]));
  assert.equal(broken.status, GRPC_STATUS.internal);
});

test("what was passed on is not passed on again", () => {
  const asked: number[] = [];
  const socketOf = (process: number) => {
    asked.push(process);
    return undefined;
  };
  const envoy = new ScriptedEnvoy(PLAN, { self: 1, socketOf });
  for (const { headers, want } of [
    { headers: {}, want: [0] },
    { headers: { "x-aigw-forwarded": "1" }, want: [] },
  ]) {
    asked.length = 0;
    envoy.accessLog(headers).say(logMessage({ ...LEFT, id: "0-other-1" }));
    assert.deepEqual(asked, want);
  }
  assert.deepEqual(envoy.records, []);
});

/** Two processes of one Envoy, of which the first can be reached by the second. */
async function twoProcesses(t: TestContext): Promise<{ first: ScriptedEnvoy; second: ScriptedEnvoy }> {
  const folder = mkdtempSync(join(tmpdir(), "log-"));
  const path = join(folder, "0.sock");
  const first = new ScriptedEnvoy(PLAN);
  const server = createGrpcServer(first.host.methods, { onError: () => undefined });
  await server.listen({ path });
  const second = new ScriptedEnvoy(PLAN, { self: 1, socketOf: (process) => (process === 0 ? path : undefined) });
  t.after(async () => {
    await second.host.stop(0);
    await server.close(0);
    rmSync(folder, { recursive: true });
  });
  return { first, second };
}

test("what the log of one process says of another's requests is passed on, all over one call", async (t) => {
  const { first, second } = await twoProcesses(t);
  const log = second.accessLog();
  const outcomes: string[] = [];
  for (const requestId of ["r-1", "r-2"]) {
    const { call } = first.admitted({ ...CHAT_HEAD, "x-request-id": requestId }, chat("one"));
    call.close();
    const recorded = first.nextRecord();
    log.say(logMessage({ ...LEFT, id: call.id, requestId }));
    outcomes.push(`${(await recorded).requestId} ${first.host.inFlight}`);
  }
  assert.deepEqual(outcomes, ["r-1 0", "r-2 0"]);
  assert.deepEqual(second.records, []);
  log.close();
});

test("a request that broke off before its id was told has one record, whichever process is told", async (t) => {
  const { first, second } = await twoProcesses(t);
  const unnamed = first.router();
  unnamed.requestHead(CHAT_HEAD);
  unnamed.close();
  const late = first.router();
  late.requestHead({ ...CHAT_HEAD, "x-request-id": "r-3" });
  const { call } = first.admitted({ ...CHAT_HEAD, "x-request-id": "r-2" }, chat("one"));
  call.close();
  const recorded = first.nextRecord();
  const log = second.accessLog();
  log.say(logMessage(LEFT, { ...LEFT, requestId: "r-3" }, { ...LEFT, id: call.id, requestId: "r-2" }));
  assert.equal((await recorded).requestId, "r-2");
  late.close();
  first.pass(1001);
  const requests = [first, second].map(({ records }) => records.map(({ requestId }) => requestId));
  assert.deepEqual(requests, [["r-2"], ["r-1", "r-3"]]);
  assert.equal(first.host.inFlight, 0);
  log.close();
});
