/** Duration of the Gateway API (GEP-2257): one to four numbers of up to five digits, each with its unit. */
export const DURATION_PATTERN = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";

/** The same, but longer than nothing. */
export const POSITIVE_DURATION_PATTERN = "^(?=.*[1-9])([0-9]{1,5}(h|m|s|ms)){1,4}$";

const DURATION = new RegExp(DURATION_PATTERN);
const GROUP = /([0-9]+)(ms|h|m|s)/g;
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Milliseconds of a duration, or undefined when the text is none. */
export function durationMs(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let total = 0;
  for (const [, digits, unit = ""] of text.matchAll(GROUP)) total += Number(digits) * (UNIT_MS[unit] ?? 0);
  return total;
}
