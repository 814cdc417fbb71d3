import assert from "node:assert/strict";
import { test } from "node:test";
import { timeLimits } from "./time-limits.ts";

const none = { requestMs: undefined, backendRequestMs: undefined, streamIdleMs: undefined };
const unlimited = Number.POSITIVE_INFINITY;

const cases = [
  {
    name: "defaults end silence, never a long answer",
    in: none,
    want: { firstByteMs: 600_000, idleMs: 300_000, totalMs: unlimited },
  },
  {
    name: "a request limit holds from arrival to end",
    in: { ...none, requestMs: 1000 },
    want: { firstByteMs: 600_000, idleMs: 300_000, totalMs: 1000 },
  },
  {
    name: "zero means no limit",
    in: { requestMs: 0, backendRequestMs: 0, streamIdleMs: 0 },
    want: { firstByteMs: unlimited, idleMs: unlimited, totalMs: unlimited },
  },
  {
    name: "a stream's idle limit also holds before its first byte",
    in: { ...none, streamIdleMs: 2000 },
    want: { firstByteMs: 2000, idleMs: 2000, totalMs: unlimited },
  },
  {
    name: "the shorter limit holds before the first byte",
    in: { ...none, backendRequestMs: 500, streamIdleMs: 2000 },
    want: { firstByteMs: 500, idleMs: 2000, totalMs: unlimited },
  },
];

for (const { name, in: timeouts, want } of cases) {
  test(name, () => assert.deepEqual(timeLimits(timeouts), want));
}
