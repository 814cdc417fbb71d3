import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../config/secret.ts";
import { HeaderMap } from "../wire/headers.ts";
import { KeyPool } from "./key-pool.ts";

const MINUTE_MS = 60_000;
const START_MS = Date.parse("2026-01-01T00:00:00Z");

function pool(...keys: string[]) {
  const clock = { now: START_MS };
  const made = new KeyPool(
    keys.map((key) => new Secret(key)),
    () => clock.now,
  );
  return { clock, pool: made, next: () => made.take().value.reveal() };
}

const RESTS: { name: string; status: number; headers?: string[]; want: number }[] = [
  { name: "429 without a word", status: 429, want: 30_000 },
  { name: "429 with seconds", status: 429, headers: ["retry-after", "7"], want: 7_000 },
  {
    name: "429 with a date",
    status: 429,
    headers: ["retry-after", "Thu, 01 Jan 2026 00:02:00 GMT"],
    want: 2 * MINUTE_MS,
  },
  {
    name: "429 with a date that has passed",
    status: 429,
    headers: ["retry-after", "Wed, 31 Dec 2025 00:00:00 GMT"],
    want: 30_000,
  },
  { name: "429 with nonsense", status: 429, headers: ["retry-after", "soon"], want: 30_000 },
  { name: "429 with a day", status: 429, headers: ["retry-after", "86400"], want: 60 * MINUTE_MS },
  { name: "401", status: 401, want: 5 * MINUTE_MS },
  { name: "403", status: 403, want: 5 * MINUTE_MS },
];
for (const { name, status, headers = [], want } of RESTS) {
  test(`how long a key rests: ${name}`, () => {
    const { clock, pool: keys, next } = pool("a", "b");
    keys.take().told(status, new HeaderMap(headers));
    assert.equal(keys.resting, 1);
    clock.now += want - 1;
    assert.deepEqual([next(), next()], ["b", "b"]);
    clock.now += 1;
    assert.equal(keys.resting, 0);
    assert.deepEqual([next(), next()], ["a", "b"]);
    assert.deepEqual([...keys.rests], [[status, 1]]);
  });
}

for (const status of [200, 400, 404, 500, 503]) {
  test(`a key does not rest after ${status}`, () => {
    const { pool: keys } = pool("a", "b");
    keys.take().told(status, new HeaderMap());
    assert.equal(keys.resting, 0);
  });
}

test("a key that is refused again and again rests longer, until it is accepted", () => {
  const { clock, pool: keys } = pool("a");
  const minutes = (): number => {
    keys.take().told(401, new HeaderMap());
    let passed = 0;
    for (; keys.resting > 0; passed++) clock.now += MINUTE_MS;
    return passed;
  };
  assert.deepEqual([minutes(), minutes(), minutes(), minutes(), minutes(), minutes()], [5, 10, 20, 40, 60, 60]);
  keys.take().told(200, new HeaderMap());
  assert.equal(minutes(), 5);
});

test("requests that are refused together count as one refusal", () => {
  const { pool: keys, clock } = pool("a");
  const together = [keys.take(), keys.take(), keys.take()];
  for (const { told } of together) told(401, new HeaderMap());
  clock.now += 5 * MINUTE_MS;
  assert.equal(keys.resting, 0);
  assert.deepEqual([...keys.rests], [[401, 1]]);
});

test("a key that is used while it rests, for want of others, and refused, rests longer", () => {
  const { clock, pool: keys, next } = pool("a", "b");
  for (let i = 0; i < 2; i++) keys.take().told(429, new HeaderMap(["retry-after", String(10 + i)]));
  keys.take().told(429, new HeaderMap());
  assert.equal(next(), "b");
  clock.now += 11_000;
  assert.deepEqual([next(), next()], ["b", "b"]);
});

test("when all rest, the one whose rest ends first is used", () => {
  const { pool: keys, next } = pool("a", "b", "c");
  for (const seconds of [60, 20, 40]) keys.take().told(429, new HeaderMap(["retry-after", String(seconds)]));
  assert.deepEqual([next(), next()], ["b", "b"]);
});

test("a key that is accepted after all is used again at once", () => {
  const { pool: keys, next } = pool("a", "b");
  const [first, later] = [keys.take(), keys.take()];
  later.told(429, new HeaderMap());
  assert.deepEqual([next(), next()], ["a", "a"]);
  later.told(200, new HeaderMap());
  first.told(200, new HeaderMap());
  assert.deepEqual([next(), next()], ["b", "a"]);
});
