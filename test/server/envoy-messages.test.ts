/** What requests cost in messages between a real Envoy and the processor: each is a pass through both event loops. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, faultsConfig, startEnvoyGateway } from "./envoy-tools.ts";
import type { GatewayWithSimulator, LogLine } from "./start-gateway.ts";

/** So far apart that Envoy passes each event on by itself. */
const SLOWLY = { "x-simulate": "chunks=5, chunk-delay-ms=30" };

/** Messages of the router filter and of those of clusters, and entries of the access log. */
interface Messages {
  readonly calls: number;
  /** To the processor. */
  readonly sent: number;
  readonly received: number;
  readonly logged: number;
}

const COUNTERS = {
  calls: /ext_proc\.(?:router|upstream)\.streams_started$/,
  sent: /ext_proc\.(?:router|upstream)\.stream_msgs_sent$/,
  received: /ext_proc\.(?:router|upstream)\.stream_msgs_received$/,
  logged: /^access_logs\.grpc_access_log\.logs_written$/,
};

let gateway: GatewayWithSimulator;
let envoyUrl = "";
before(async () => {
  gateway = await startEnvoyGateway(faultsConfig(), 1);
  envoyUrl = /its own admin page: (\S+)/.exec(gateway.stderr())?.[1] ?? assert.fail("Envoy has no admin page");
});
after(() => gateway.stop());

async function counted(): Promise<Messages> {
  const { stats } = (await (await fetch(`${envoyUrl}/stats?format=json`)).json()) as {
    stats: { name?: string; value?: number }[];
  };
  const sum = (counter: RegExp) =>
    stats.reduce((total, { name = "", value = 0 }) => total + (counter.test(name) ? value : 0), 0);
  const { calls, sent, received, logged } = COUNTERS;
  return { calls: sum(calls), sent: sum(sent), received: sum(received), logged: sum(logged) };
}

/** What is exchanged until a request has its record. */
async function cost(id: string, go: () => Promise<unknown>): Promise<Messages & { readonly line: LogLine }> {
  const before = await counted();
  await go();
  const line = await gateway.log((line) => line["request_id"] === id);
  const now = await counted();
  return {
    calls: now.calls - before.calls,
    sent: now.sent - before.sent,
    received: now.received - before.received,
    logged: now.logged - before.logged,
    line,
  };
}

function idOf(name: string): string {
  return name.replaceAll(/\W+/g, "-");
}

async function get(id: string, path: string): Promise<void> {
  await (await fetch(gateway.url + path, { headers: { "x-request-id": id } })).text();
}

const WHOLE: readonly { name: string; go: (id: string) => Promise<unknown>; want: Omit<Messages, "logged"> }[] = [
  { name: "the list of models", go: (id) => get(id, "/v1/models"), want: { calls: 1, sent: 1, received: 1 } },
  { name: "a path that is none", go: (id) => get(id, "/nothing"), want: { calls: 1, sent: 1, received: 1 } },
  {
    name: "a model that nobody has",
    go: (id) => ask(gateway.url, { id, model: "unknown" }),
    want: { calls: 1, sent: 2, received: 2 },
  },
  { name: "a whole answer", go: (id) => ask(gateway.url, { id }), want: { calls: 1, sent: 4, received: 4 } },
  {
    name: "a provider's error",
    go: (id) => ask(gateway.url, { id, headers: { "x-simulate": "status=400" } }),
    want: { calls: 1, sent: 4, received: 4 },
  },
  {
    name: "a whole answer by a rule with two backends",
    go: (id) => ask(gateway.url, { id, model: "two" }),
    want: { calls: 2, sent: 5, received: 5 },
  },
];

for (const { name, go, want } of WHOLE) {
  test(`${name} costs ${want.sent} messages each way`, async () => {
    const { line: _, ...costs } = await cost(idOf(name), () => go(idOf(name)));
    assert.deepEqual(costs, { ...want, logged: 0 });
  });
}

const STREAMED: readonly { name: string; model: string; attempts: number }[] = [
  { name: "a stream", model: "one", attempts: 0 },
  { name: "a stream by a rule with two backends", model: "two", attempts: 1 },
];

for (const { name, model, attempts } of STREAMED) {
  test(`${name} costs one message each way per event, and those before it`, async () => {
    const question = { id: idOf(name), model, more: { stream: true }, headers: SLOWLY };
    const { line, ...costs } = await cost(question.id, () => ask(gateway.url, question));
    const events = Number(line["events"]);
    assert.ok(events >= 7, `${events} events`);
    assert.deepEqual([costs.calls, costs.logged], [1 + attempts, 0]);
    // Envoy tells the end by itself, which needs no answer. Events that come together are one message.
    assert.ok(costs.sent <= 3 + attempts + events + 1, `${costs.sent} messages for ${events} events`);
    assert.ok(costs.received <= 3 + attempts + events, `${costs.received} answers for ${events} events`);
  });
}
