/** Faults of the Envoy host's own parts: processors that are killed or hang, an Envoy that is killed, callers that leave. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { CHAT } from "../conformance/configs.ts";
import {
  ask,
  eventually,
  faultsConfig,
  Load,
  linesById,
  metric,
  type Outcome,
  processesOf,
  startEnvoyGateway,
} from "./envoy-tools.ts";
import type { GatewayWithSimulator } from "./start-gateway.ts";

const MESSAGE_TIMEOUT_MS = 3_000;
const MODELS = ["one", "two", "fallback", "claude-x"];
/** So many entries Envoy keeps for a processor that is still to come, also if all are of one of its threads (docs/envoy-host.md). */
const KEPT_ENTRIES = 4;
/** The provider never answers. */
const ENDLESS = { "x-simulate": "fault=hang" };

let gateway: GatewayWithSimulator;
before(async () => {
  gateway = await startEnvoyGateway(faultsConfig(), 2, ["--message-timeout", String(MESSAGE_TIMEOUT_MS)]);
});
after(() => gateway.stop());

/** Each caller asks for the models in turn, every second time for a stream. */
function nextOf(id: string): Promise<Outcome> {
  const n = Number(id.slice(id.lastIndexOf("-") + 1));
  const stream = Math.trunc(n / MODELS.length) % 2 === 1;
  return ask(gateway.url, { id, model: MODELS[n % MODELS.length] ?? "", more: { stream } });
}

/** What is wrong with an answer that says it is whole. */
function wrong({ status, text, id }: Outcome): string | undefined {
  if (status !== 200) return `${id}: status ${status}: ${text}`;
  const isWhole = /"finish_reason": ?"stop"|"stop_reason": ?"end_turn"/.test(text);
  return isWhole && text.includes("You said") !== text.includes("data:") ? undefined : `${id}: ${text}`;
}

/** Whether an answer is an error in its caller's dialect. */
function isError({ status, type, text }: Outcome, model: string): boolean {
  if (!type.startsWith("application/json")) return false;
  const { type: kind, error } = JSON.parse(text) as { type: string; error: Record<string, unknown> };
  const told = typeof error["type"] === "string" && typeof error["message"] === "string" && kind === "error";
  return told && (model.startsWith("claude") ? !("code" in error) : error["code"] === String(status));
}

async function bothWorkers(): Promise<readonly number[]> {
  return eventually("two workers", () => {
    const { workers } = processesOf(gateway);
    return workers.length === 2 ? workers : undefined;
  });
}

/** The workers once another one is there in the place of one that was killed. */
async function replaced(victim: number): Promise<readonly number[]> {
  return eventually("a replacement", () => {
    const { workers } = processesOf(gateway);
    return workers.length === 2 && !workers.includes(victim) ? workers : undefined;
  });
}

/** What is done while processes hang. */
async function whileHanging<T>(pids: readonly number[], act: () => Promise<T>): Promise<T> {
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  try {
    return await act();
  } finally {
    for (const pid of pids) process.kill(pid, "SIGCONT");
  }
}

async function settled(): Promise<void> {
  await eventually("no request in flight", async () =>
    (await metric(gateway, "aigw_requests_in_flight")) === 0 ? true : undefined,
  );
}

/** Until requests are served again, by every processor. */
async function served(): Promise<void> {
  await eventually("requests that are served", async () => {
    const answers = await Promise.all(MODELS.map((model) => ask(gateway.url, { id: "probe", model })));
    return answers.every(({ status }) => status === 200) ? true : undefined;
  });
}

/** Requests with an id that begins so which have more than one line. */
function loggedTwice(prefix: string): readonly string[] {
  return [...linesById(gateway)].filter(([id, lines]) => id.startsWith(prefix) && lines > 1).map(([id]) => id);
}

async function onceLogged(ids: readonly string[]): Promise<void> {
  await eventually(`lines of ${ids[0]}, …`, () => {
    const lines = linesById(gateway);
    return ids.every((id) => lines.has(id)) ? true : undefined;
  });
}

test("attempts that come to the other process are served, large ones and streams too", async () => {
  const large = { messages: [{ role: "user", content: "x".repeat(1024 * 1024) }] };
  const questions = Array.from({ length: 48 }, (_, n) => {
    const more = { stream: n % 2 === 1, ...(n % 3 === 0 ? large : {}) };
    return { id: `peers-${n}`, model: n % 4 < 2 ? "two" : "fallback", more };
  });
  const answers = await Promise.all(questions.map((question) => ask(gateway.url, question)));
  assert.deepEqual(
    answers.filter(({ status }) => status !== 200),
    [],
  );
  await onceLogged(questions.map(({ id }) => id));
  await settled();
  assert.deepEqual(loggedTwice("peers-"), []);
});

test("a processor that is killed takes only what it had in hand with it, and is replaced", async () => {
  const [victim = 0, survivor = 0] = await bothWorkers();
  const load = new Load(8, nextOf, "killed");
  await eventually("some answers", () => (load.outcomes.length > 40 ? true : undefined));
  const asked = load.outcomes.length;
  process.kill(victim, "SIGKILL");
  assert.ok((await replaced(victim)).includes(survivor));
  await eventually("answers behind it", () => (load.outcomes.length > asked + 40 ? true : undefined));
  const outcomes = await load.stop();
  await served();
  const failed = outcomes.filter((outcome) => wrong(outcome) !== undefined);
  const unexplained = failed.filter((outcome) => {
    const model = outcome.text.includes("request_id") ? "claude" : "gpt";
    return outcome.status !== 0 && !(outcome.status === 503 && isError(outcome, model));
  });
  assert.deepEqual(unexplained, []);
  assert.ok(failed.length <= 8, `${failed.length} of ${outcomes.length} failed`);
  await settled();
  assert.deepEqual(loggedTwice("killed-"), []);
});

test("without any processor callers are told so in their dialect, and later served again", async () => {
  const models = ["one", "claude-x"];
  // Under way before they are gone: others come at once, and a look after it may find these already.
  const load = new Load(4, (id) => ask(gateway.url, { id, model: models[Number(id.split("-")[1]) % 2] ?? "" }), "gone");
  await eventually("some answers", () => (load.outcomes.length > 20 ? true : undefined));
  for (const pid of await bothWorkers()) process.kill(pid, "SIGKILL");
  const refused = await eventually("a refusal of both", () => {
    const refusals = load.outcomes.filter(({ status }) => status === 503);
    const first = models.map((_, n) => refusals.find(({ id }) => Number(id.split("-")[1]) % 2 === n));
    return first.every((one) => one !== undefined) ? first : undefined;
  });
  await load.stop();
  const bodies = refused.map(({ text }) => JSON.parse(text) as object);
  const message = "the gateway could not complete this request";
  assert.deepEqual(bodies[0], { type: "error", error: { type: "ServiceUnavailable", code: "503", message } });
  assert.partialDeepStrictEqual(bodies[1], { type: "error", error: { type: "overloaded_error", message } });
  await bothWorkers();
  await served();
});

test("requests that come when all processors have just ended are refused at once, and have a line each", async () => {
  const ids = Array.from({ length: KEPT_ENTRIES }, (_, n) => `ended-${n}`);
  for (const pid of await bothWorkers()) process.kill(pid, "SIGKILL");
  const answers = await Promise.all(ids.map((id) => ask(gateway.url, { id })));
  // None waits for a processor that has ended or has not started yet.
  assert.deepEqual(
    answers.filter(({ status, tookMs }) => status !== 503 || tookMs > 0.9 * MESSAGE_TIMEOUT_MS),
    [],
  );
  await bothWorkers();
  await onceLogged(ids);
  await served();
  await settled();
  assert.deepEqual(loggedTwice("ended-"), []);
});

test("processors that hang are given up in time, and serve on when they go on", async () => {
  const workers = await bothWorkers();
  const ids = Array.from({ length: 8 }, (_, n) => `hung-${n}`);
  const modelOf = (n: number) => (n % 2 === 0 ? "one" : "claude-x");
  const answers = await whileHanging(workers, () =>
    Promise.all(ids.map((id, n) => ask(gateway.url, { id, model: modelOf(n) }))),
  );
  for (const [n, outcome] of answers.entries()) {
    assert.equal(outcome.status, 504);
    assert.ok(isError(outcome, modelOf(n)), outcome.text);
    assert.match(outcome.text, /"the gateway did not decide about this request in time"/);
    assert.ok(
      outcome.tookMs > 0.9 * MESSAGE_TIMEOUT_MS && outcome.tookMs < 3 * MESSAGE_TIMEOUT_MS,
      `took ${outcome.tookMs} ms`,
    );
  }
  await onceLogged(ids);
  await served();
  await settled();
  assert.deepEqual(loggedTwice("hung-"), []);
  const line = await gateway.log((one) => one["request_id"] === "hung-0");
  assert.partialDeepStrictEqual(line, { status: 504, outcome: "error", "error.type": "upstream_timeout" });
});

test("what Envoy answers while one processor hangs and the other one has not started yet has a line each", async () => {
  const [victim = 0] = await bothWorkers();
  process.kill(victim, "SIGKILL");
  const workers = await replaced(victim);
  const ids = Array.from({ length: KEPT_ENTRIES }, (_, n) => `starting-${n}`);
  const answers = await whileHanging(workers, () => Promise.all(ids.map((id) => ask(gateway.url, { id }))));
  assert.deepEqual(
    answers.filter(({ status }) => status !== 503 && status !== 504),
    [],
  );
  await onceLogged(ids);
  await served();
  await settled();
  assert.deepEqual(loggedTwice("starting-"), []);
  const lines = gateway.logs().filter((line) => String(line["request_id"]).startsWith("starting-"));
  assert.deepEqual(new Set(lines.map((line) => line["outcome"])), new Set(["error"]));
});

test("callers that leave while they send their bodies have one line each", async () => {
  const ids = Array.from({ length: 12 }, (_, n) => `half-${n}`);
  const { hostname, port } = new URL(gateway.url);
  for (const id of ids) {
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    socket.write(`POST ${CHAT} HTTP/1.1\r\nhost: h\r\nx-request-id: ${id}\r\ncontent-length: 100\r\n\r\n{"model":`);
    await eventually("the request", async () =>
      (await metric(gateway, "aigw_requests_in_flight")) > 0 ? true : undefined,
    );
    socket.destroy();
  }
  await onceLogged(ids);
  await settled();
  assert.deepEqual(loggedTwice("half-"), []);
  const outcomes = gateway.logs().filter((line) => String(line["request_id"]).startsWith("half-"));
  assert.deepEqual([...new Set(outcomes.map((line) => line["outcome"]))], ["cancelled"]);
});

test("two callers with the same request id get their own answers and have a line each", async () => {
  const texts = ["red", "green", "blue", "white"];
  const asked = texts.map(async (content, n) => {
    const more = { messages: [{ role: "user", content }] };
    const headers = { "x-simulate": "delay-ms=30" };
    const { text } = await ask(gateway.url, { id: "same", model: n < 2 ? "one" : "two", more, headers });
    assert.match(text, new RegExp(`You said: ${content}"`));
  });
  await Promise.all(asked);
  await eventually("four lines", () => ((linesById(gateway).get("same") ?? 0) >= 4 ? true : undefined));
  await settled();
  assert.equal(linesById(gateway).get("same"), 4);
});

test("an Envoy that is killed comes back, and what it had in hand is settled as cancelled", async () => {
  const { envoy } = processesOf(gateway);
  const seen = gateway.simulator.requests.length;
  const ids = Array.from({ length: 6 }, (_, n) => `cut-${n}`);
  const asked = ids.map((id, n) => ask(gateway.url, { id, model: MODELS[n % 2] ?? "", headers: ENDLESS }));
  await eventually("requests at the provider", () =>
    gateway.simulator.requests.length >= seen + ids.length ? true : undefined,
  );
  process.kill(envoy, "SIGKILL");
  assert.deepEqual(
    (await Promise.all(asked)).map(({ status }) => status),
    ids.map(() => 0),
  );
  await onceLogged(ids);
  await served();
  await settled();
  assert.deepEqual(loggedTwice("cut-"), []);
  const lines = gateway.logs().filter((line) => String(line["request_id"]).startsWith("cut-"));
  assert.deepEqual(new Set(lines.map((line) => line["outcome"])), new Set(["cancelled"]));
  assert.equal(await metric(gateway, "aigw_envoy_restarts_total"), 1);
});
