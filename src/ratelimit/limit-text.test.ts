import assert from "node:assert/strict";
import { test } from "node:test";
import type { Limit, LimitWindow } from "../config/limits.ts";
import type { LimitState } from "./admission.ts";
import { limitHeaders, refusalMessage, shownAmount, shownStates } from "./limit-text.ts";
import { testLimit } from "./test-limit.ts";
import { tightest } from "./tightest.ts";

const NOW = Date.UTC(2026, 0, 1);

function state(limit: Partial<Limit>, used: number, resetAtMs = NOW + 1500): LimitState {
  const whole = testLimit({ amount: 100, ...limit });
  return { limit: whole, amount: whole.amount, used, remaining: Math.max(0, whole.amount - used), resetAtMs };
}

const AMOUNTS = [
  { in: 0, want: "0.00" },
  { in: 1, want: "0.00" },
  { in: 165_000, want: "0.000165" },
  { in: 1_500_000_000, want: "1.50" },
  { in: 250_000_000_000, want: "250.00" },
];

for (const { in: amount, want } of AMOUNTS) {
  test(`${amount} billionths of a dollar are shown as ${want}`, () => {
    assert.equal(shownAmount({ unit: "nanodollars" }, amount), want);
  });
}

const WINDOWS: readonly { name: string; in: LimitWindow; want: string }[] = [
  { name: "a minute", in: { type: "fixed", durationMs: 60_000 }, want: "100, 100;w=60" },
  { name: "the last hour", in: { type: "rolling", durationMs: 3_600_000 }, want: "100, 100;w=3600" },
  { name: "a month", in: { type: "calendar", unit: "month", timeZone: "UTC" }, want: "100, 100;w=2592000" },
  { name: "for ever", in: { type: "never" }, want: "100" },
];

for (const { name, in: window, want } of WINDOWS) {
  test(`the headers tell a limit of ${name}`, () => {
    const [, told, , remaining, reset, seconds] = limitHeaders(state({ window }, 40), NOW);
    assert.deepEqual([told, remaining, reset, seconds], [want, "60", "x-ratelimit-reset", "2"]);
  });
}

test("what never resets says so", () => {
  const never = state({ window: { type: "never" } }, 100, Number.POSITIVE_INFINITY);
  assert.equal(limitHeaders(never, NOW).length, 4);
  const demand = { limit: never.limit, values: [], answerEstimate: 5, assumed: 0 };
  assert.equal(
    refusalMessage(never, demand),
    "limit reached: Test default/limit: 100 of 100 requests are used; it does not reset",
  );
});

test("a refusal tells what the request may need, where something is left", () => {
  const { limit, ...rest } = state({ unit: "tokens", requestCost: 1, per: [{ from: "header", name: "x-t" }] }, 90);
  const demand = { limit, values: ["a"], answerEstimate: 20, assumed: 7 };
  assert.equal(
    refusalMessage({ limit, ...rest }, demand),
    "limit reached: Test default/limit (header x-t: a): 90 of 100 tokens are used, and this request may need 21; it resets at 2026-01-01T00:00:01Z",
  );
});

test("the limit with the least share left is told of, none in shadow mode, and of a group the one with the most", () => {
  const plenty = state({ id: "plenty" }, 10);
  const tight = state({ id: "tight" }, 90);
  const shadow = state({ id: "shadow", shadow: true }, 100);
  const [full, other] = [state({ id: "full", group: "g" }, 100), state({ id: "other", group: "g" }, 50)];
  assert.equal(tightest([plenty, tight, shadow])?.limit.id, "tight");
  assert.equal(tightest([plenty, full, other])?.limit.id, "other");
  assert.equal(tightest([shadow]), undefined);
  assert.equal(tightest([plenty, state({ id: "zero", amount: 0 }, 0)])?.limit.id, "zero");
  assert.equal(shownStates([plenty, tight]), "plenty 10/100, tight 90/100");
});
