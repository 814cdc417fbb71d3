import assert from "node:assert/strict";
import { test } from "node:test";
import type { CalendarUnit, LimitWindow } from "../config/limits.ts";
import { periodAt, resetAt } from "./window.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

function calendar(unit: CalendarUnit, timeZone: string): LimitWindow {
  return { type: "calendar", unit, timeZone };
}

const CASES: readonly { name: string; window: LimitWindow; at: string; want: readonly [string, string] }[] = [
  {
    name: "a minute begins at its first millisecond",
    window: { type: "fixed", durationMs: MINUTE_MS },
    at: "2026-03-01T12:34:00.000Z",
    want: ["2026-03-01T12:34:00.000Z", "2026-03-01T12:35:00.000Z"],
  },
  {
    name: "a minute lasts to its last millisecond",
    window: { type: "fixed", durationMs: MINUTE_MS },
    at: "2026-03-01T12:34:59.999Z",
    want: ["2026-03-01T12:34:00.000Z", "2026-03-01T12:35:00.000Z"],
  },
  {
    name: "seven hours are counted from 1970",
    window: { type: "fixed", durationMs: 7 * HOUR_MS },
    at: "1970-01-01T13:59:59.999Z",
    want: ["1970-01-01T07:00:00.000Z", "1970-01-01T14:00:00.000Z"],
  },
  {
    name: "a step of a rolling hour is a minute",
    window: { type: "rolling", durationMs: HOUR_MS },
    at: "2026-03-01T12:34:56.000Z",
    want: ["2026-03-01T12:34:00.000Z", "2026-03-01T12:35:00.000Z"],
  },
  {
    name: "an hour where clocks are 45 minutes off",
    window: calendar("hour", "Asia/Kathmandu"),
    at: "2026-03-01T12:14:59.999Z",
    want: ["2026-03-01T11:15:00.000Z", "2026-03-01T12:15:00.000Z"],
  },
  {
    name: "a day in UTC",
    window: calendar("day", "UTC"),
    at: "2026-03-01T23:59:59.999Z",
    want: ["2026-03-01T00:00:00.000Z", "2026-03-02T00:00:00.000Z"],
  },
  {
    name: "the day of 23 hours",
    window: calendar("day", "Europe/Berlin"),
    at: "2026-03-29T12:00:00.000Z",
    want: ["2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"],
  },
  {
    name: "the day of 25 hours",
    window: calendar("day", "Europe/Berlin"),
    at: "2026-10-25T22:59:59.999Z",
    want: ["2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"],
  },
  {
    name: "a day without midnight",
    window: calendar("day", "America/Asuncion"),
    at: "2023-10-01T12:00:00.000Z",
    want: ["2023-10-01T04:00:00.000Z", "2023-10-02T03:00:00.000Z"],
  },
  {
    name: "a day with two midnights begins at the first",
    window: calendar("day", "America/Havana"),
    at: "2026-11-01T04:30:00.000Z",
    want: ["2026-11-01T04:00:00.000Z", "2026-11-02T05:00:00.000Z"],
  },
  {
    name: "a week begins on Monday",
    window: calendar("week", "America/New_York"),
    at: "2026-03-08T20:00:00.000Z",
    want: ["2026-03-02T05:00:00.000Z", "2026-03-09T04:00:00.000Z"],
  },
  {
    name: "February of a leap year",
    window: calendar("month", "UTC"),
    at: "2028-02-29T23:59:59.999Z",
    want: ["2028-02-01T00:00:00.000Z", "2028-03-01T00:00:00.000Z"],
  },
  {
    name: "December ends with the year",
    window: calendar("month", "Asia/Tokyo"),
    at: "2026-12-31T14:59:59.999Z",
    want: ["2026-11-30T15:00:00.000Z", "2026-12-31T15:00:00.000Z"],
  },
  {
    name: "the last quarter",
    window: calendar("quarter", "Europe/London"),
    at: "2026-10-01T00:00:00.000Z",
    want: ["2026-09-30T23:00:00.000Z", "2027-01-01T00:00:00.000Z"],
  },
  {
    name: "a year on the other side of the date line",
    window: calendar("year", "Pacific/Kiritimati"),
    at: "2026-12-31T10:00:00.000Z",
    want: ["2026-12-31T10:00:00.000Z", "2027-12-31T10:00:00.000Z"],
  },
];

for (const { name, window, at, want } of CASES) {
  test(`periods: ${name}`, () => {
    const { startMs, endMs } = periodAt(window, Date.parse(at));
    assert.deepEqual([new Date(startMs).toISOString(), new Date(endMs).toISOString()], want);
  });
}

test("a window that never ends counts for ever", () => {
  const period = periodAt({ type: "never" }, Date.parse("2026-03-01T00:00:00Z"));
  assert.deepEqual([period.startMs, period.endMs], [0, Number.POSITIVE_INFINITY]);
});

for (const timeZone of ["Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tehran"]) {
  test(`the days of ${timeZone} follow each other without a gap, 23 to 25 hours long`, () => {
    let at = Date.UTC(2020, 0, 1);
    for (let i = 0; i < 1_500; i++) {
      const day = periodAt(calendar("day", timeZone), at);
      assert.ok(day.startMs <= at && at < day.endMs, new Date(at).toISOString());
      assert.ok(Math.abs(day.endMs - day.startMs - DAY_MS) <= HOUR_MS, new Date(at).toISOString());
      assert.equal(periodAt(calendar("day", timeZone), day.endMs - 1).startMs, day.startMs);
      assert.equal(periodAt(calendar("day", timeZone), day.endMs).startMs, day.endMs);
      at = day.endMs;
    }
  });
}

test("what was spent in a rolling window counts for at least the whole window", () => {
  for (const durationMs of [1_000, HOUR_MS, 30 * DAY_MS]) {
    const window: LimitWindow = { type: "rolling", durationMs };
    const spentMs = Date.parse("2026-03-01T12:34:56.789Z");
    const step = periodAt(window, spentMs).startMs;
    assert.ok(periodAt(window, spentMs + durationMs).fromMs <= step);
    assert.ok(periodAt(window, spentMs + Math.ceil(durationMs * 1.1)).fromMs > step);
  }
});

test("a rolling window is free again when its oldest step leaves", () => {
  const window: LimitWindow = { type: "rolling", durationMs: HOUR_MS };
  const period = periodAt(window, Date.parse("2026-03-01T12:34:56Z"));
  const reset = resetAt(window, period, Date.parse("2026-03-01T12:00:00Z"));
  assert.equal(new Date(reset).toISOString(), "2026-03-01T13:01:00.000Z");
  assert.ok(periodAt(window, reset).fromMs > Date.parse("2026-03-01T12:00:00Z"));
});
