import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { CostProgram } from "../usage/cost.ts";
import { BatchedSink } from "./batched-sink.ts";
import type { RequestRecord, RequestSink } from "./request-record.ts";
import { testRecord } from "./test-record.ts";

class Collector implements RequestSink {
  readonly ids: string[] = [];

  settle(record: RequestRecord): void {
    this.ids.push(record.requestId);
  }
}

function unexpected(): void {
  assert.fail("no cost rule fails here");
}

function settleMany(sink: RequestSink, from: number, to: number): string[] {
  const ids = Array.from({ length: to - from }, (_, i) => `r${from + i}`);
  for (const requestId of ids) sink.settle(testRecord({ requestId }));
  return ids;
}

test("a full batch goes to every sink at once, in order", () => {
  const [a, b] = [new Collector(), new Collector()];
  const sink = new BatchedSink([a, b], unexpected);
  const first = settleMany(sink, 0, 63);
  assert.deepEqual(a.ids, []);
  const last = settleMany(sink, 63, 64);
  assert.deepEqual(a.ids, [...first, ...last]);
  assert.deepEqual(b.ids, a.ids);
});

test("what is less than a batch waits no longer than 20 ms", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const collector = new Collector();
  const sink = new BatchedSink([collector], unexpected);
  mock.timers.tick(1000);
  const ids = settleMany(sink, 0, 2);
  mock.timers.tick(19);
  assert.deepEqual(collector.ids, []);
  mock.timers.tick(1);
  assert.deepEqual(collector.ids, ids);
  const more = settleMany(sink, 2, 3);
  mock.timers.tick(20);
  assert.deepEqual(collector.ids, [...ids, ...more]);
  mock.timers.reset();
});

test("draining passes on what waits, once", () => {
  const collector = new Collector();
  const sink = new BatchedSink([collector], unexpected);
  const ids = settleMany(sink, 0, 3);
  sink.drain();
  sink.drain();
  assert.deepEqual(collector.ids, ids);
});

test("records are priced before any sink sees them, and a rule that fails is told with its request", () => {
  const rules = new Map<string, () => number | string>([
    ["price", () => 7],
    ["broken", () => "division by zero"],
  ]);
  const seen: unknown[] = [];
  const told: unknown[] = [];
  const sink = new BatchedSink([{ settle: ({ costs }) => seen.push(costs) }], ({ requestId }, error) => {
    told.push([requestId, error]);
  });
  sink.settle(testRecord({ requestId: "r1", costProgram: new CostProgram(rules) }));
  sink.settle(testRecord({ requestId: "r2" }));
  sink.drain();
  assert.deepEqual(seen, [["price", 7], []]);
  assert.deepEqual(told, [["r1", "broken: division by zero"]]);
});
