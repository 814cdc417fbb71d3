/** When windows begin and end. */
import type { LimitWindow } from "../config/limits.ts";
import { calendarPeriod } from "./calendar.ts";
import type { Period } from "./store.ts";

const ROLLING_STEPS = 60;
const FOR_EVER: Period = { startMs: 0, endMs: Number.POSITIVE_INFINITY, fromMs: 0, repeats: false };

/** The period of a window at a time, in Unix milliseconds. */
export function periodAt(window: LimitWindow, nowMs: number): Period {
  switch (window.type) {
    case "fixed": {
      const startMs = Math.floor(nowMs / window.durationMs) * window.durationMs;
      return { startMs, endMs: startMs + window.durationMs, fromMs: startMs, repeats: true };
    }
    case "rolling": {
      const stepMs = stepOf(window.durationMs);
      const startMs = Math.floor(nowMs / stepMs) * stepMs;
      // Steps that began a whole window before the one under way still reach into the window.
      return { startMs, endMs: startMs + stepMs, fromMs: startMs - ROLLING_STEPS * stepMs, repeats: true };
    }
    case "calendar":
      return calendarPeriod(window.unit, window.timeZone, nowMs);
    case "never":
      return FOR_EVER;
  }
}

/**
 * When something is free again, in Unix milliseconds; infinite = never.
 *
 * @param oldestMs Start of the oldest step that counts.
 */
export function resetAt(window: LimitWindow, period: Period, oldestMs: number): number {
  if (window.type !== "rolling") return period.endMs;
  const stepMs = stepOf(window.durationMs);
  return oldestMs + (ROLLING_STEPS + 1) * stepMs;
}

/** Whole milliseconds, so that sixty steps are never less than the window. */
function stepOf(durationMs: number): number {
  return Math.ceil(durationMs / ROLLING_STEPS);
}
