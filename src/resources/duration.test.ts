import assert from "node:assert/strict";
import { test } from "node:test";
import { durationMs } from "./duration.ts";

const CASES = [
  { in: "30s", want: 30_000 },
  { in: "500ms", want: 500 },
  { in: "1h30m", want: 5_400_000 },
  { in: "1h1m1s1ms", want: 3_661_001 },
  { in: "0s", want: 0 },
  { in: "5m100ms", want: 300_100 },
  { in: "", want: undefined },
  { in: "30", want: undefined },
  { in: "-1s", want: undefined },
  { in: "1.5h", want: undefined },
  { in: "100000s", want: undefined },
  { in: "1s1s1s1s1s", want: undefined },
];

for (const { in: text, want } of CASES) {
  test(`the duration "${text}" is ${want} ms`, () => assert.equal(durationMs(text), want));
}
