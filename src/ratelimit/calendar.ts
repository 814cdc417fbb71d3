/** Hours, days, weeks, months, quarters and years of a time zone, with the days that daylight saving makes shorter or longer. */
import type { CalendarUnit } from "../config/limits.ts";
import type { Period } from "./store.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The period last asked for, by unit and time zone: nearly every question is about the one under way. */
const current = new Map<string, Period>();
/** Making one costs milliseconds. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** The period of a calendar at a time, in Unix milliseconds. */
export function calendarPeriod(unit: CalendarUnit, timeZone: string, nowMs: number): Period {
  const name = `${unit} ${timeZone}`;
  const known = current.get(name);
  if (known !== undefined && nowMs >= known.startMs && nowMs < known.endMs) return known;
  const period = unit === "hour" ? hourOf(timeZone, nowMs) : daysOf(unit, timeZone, nowMs);
  current.set(name, period);
  return period;
}

function hourOf(timeZone: string, nowMs: number): Period {
  const offsetMs = offsetAt(timeZone, nowMs);
  const startMs = Math.floor((nowMs + offsetMs) / HOUR_MS) * HOUR_MS - offsetMs;
  return { startMs, endMs: startMs + HOUR_MS, fromMs: startMs, repeats: false };
}

function daysOf(unit: Exclude<CalendarUnit, "hour">, timeZone: string, nowMs: number): Period {
  const local = new Date(nowMs + offsetAt(timeZone, nowMs));
  const [year, month, day] = [local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate()];
  const [first, next] = datesOf(unit, { year, month, day });
  const startMs = midnight(timeZone, first);
  return { startMs, endMs: midnight(timeZone, next), fromMs: startMs, repeats: false };
}

/** First day of the period and of the next one, as if days were those of UTC. */
function datesOf(
  unit: Exclude<CalendarUnit, "hour">,
  { year, month, day }: { readonly year: number; readonly month: number; readonly day: number },
): readonly [number, number] {
  switch (unit) {
    case "day":
      return [Date.UTC(year, month, day), Date.UTC(year, month, day + 1)];
    case "week": {
      const sinceMonday = (new Date(Date.UTC(year, month, day)).getUTCDay() + 6) % 7;
      return [Date.UTC(year, month, day - sinceMonday), Date.UTC(year, month, day - sinceMonday + 7)];
    }
    case "month":
      return [Date.UTC(year, month), Date.UTC(year, month + 1)];
    case "quarter": {
      const first = month - (month % 3);
      return [Date.UTC(year, first), Date.UTC(year, first + 3)];
    }
    case "year":
      return [Date.UTC(year, 0), Date.UTC(year + 1, 0)];
  }
}

/** When a day begins: at the first of two midnights, or at the change of clocks that leaves midnight out. */
function midnight(timeZone: string, dateMs: number): number {
  const before = dateMs - offsetAt(timeZone, dateMs - DAY_MS);
  const after = dateMs - offsetAt(timeZone, dateMs + DAY_MS);
  const candidates = before <= after ? [before, after] : [after, before];
  const [first = before] = candidates.filter((ms) => ms + offsetAt(timeZone, ms) === dateMs);
  return first;
}

/** What has to be added to UTC, in milliseconds. */
function offsetAt(timeZone: string, ms: number): number {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      calendar: "iso8601",
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  const local = Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second"));
  return local - Math.floor(ms / 1000) * 1000;
}
