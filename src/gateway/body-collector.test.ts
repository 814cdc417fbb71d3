import assert from "node:assert/strict";
import { it } from "node:test";
import { GatewayError } from "../errors/gateway-error.ts";
import { BodyCollector } from "./body-collector.ts";

const MAX = 10_000_000;

function isTooLarge(error: unknown): boolean {
  return error instanceof GatewayError && error.code === "body_too_large";
}

const bytes = Buffer.from("0123456789abcdefghijklmnopqrstuvwxyz").toString("latin1").repeat(100_000);
const cases = [
  { name: "a small body of known length", size: 500, declared: true, piece: 500 },
  { name: "a small body in chunks", size: 500, declared: false, piece: 7 },
  { name: "a body of known length that comes in pieces", size: 220_000, declared: true, piece: 65_536 },
  { name: "a body longer than a length is trusted", size: 3_500_000, declared: true, piece: 300_000 },
  { name: "a large body in chunks", size: 3_500_000, declared: false, piece: 65_000 },
];
for (const { name, size, declared, piece } of cases) {
  it(`gathers ${name}`, () => {
    const want = Buffer.from(bytes.slice(0, size));
    const pushed = new BodyCollector(declared ? size : undefined, MAX);
    for (let at = 0; at < size; at += piece) pushed.push(Buffer.from(want.subarray(at, at + piece)));
    assert.equal(Buffer.compare(pushed.body(), want), 0);
    assert.equal(pushed.length, size);
  });
}

it("offers no more room than the body still needs, and not all of a long one at once", () => {
  const size = 3_500_000;
  const want = Buffer.from(bytes.slice(0, size));
  const collector = new BodyCollector(size, MAX);
  const rooms: number[] = [];
  while (collector.length < size) {
    const room = collector.room();
    rooms.push(room.length);
    want.copy(room, 0, collector.length);
    collector.wrote(room.length);
  }
  assert.deepEqual(rooms, [1_048_576, 1_048_576, size - 2_097_152]);
  assert.equal(Buffer.compare(collector.body(), want), 0);
});

it("refuses what is too large, by its length or as it comes", () => {
  assert.throws(() => new BodyCollector(11, 10), isTooLarge);
  const collector = new BodyCollector(undefined, 10);
  collector.push(Buffer.alloc(10));
  assert.throws(() => collector.push(Buffer.alloc(1)), isTooLarge);
});

it("gives its memory to the next body when it is released, and only once", () => {
  const first = new BodyCollector(100_000, MAX);
  first.push(Buffer.alloc(100_000, "a"));
  const { buffer } = first.body();
  first.release();
  first.release();
  const next = [1, 2].map(() => {
    const collector = new BodyCollector(100_000, MAX);
    collector.push(Buffer.alloc(100_000, "b"));
    return collector.body().buffer;
  });
  assert.deepEqual([next[0] === buffer, next[1] === buffer], [true, false]);
});
