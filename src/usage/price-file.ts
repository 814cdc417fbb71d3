/** The format of prices, in the catalogue that is built in and in the files that users lay over it. */
import * as Type from "typebox";
import type { Fault } from "../errors/config-error.ts";
import { type RawObject, readDocuments } from "../resources/documents.ts";
import { formatPath, inOrder } from "../resources/field-path.ts";
import type { FieldPath, Notice } from "../resources/resource.ts";
import { NonEmpty, object } from "../resources/schema.ts";
import { type Findings, validate } from "../resources/validate.ts";

/** US dollars for a million tokens. What is not told costs what its kind costs: cached or audio input as input, reasoning as output. */
export interface Prices {
  /** Input that is neither cached nor written to a cache. */
  readonly input: number;
  /** Input read from a cache. */
  readonly cachedInput?: number | undefined;
  /** Input written to a cache for 5 minutes, or for a time that was not told. */
  readonly cacheCreation5mInput?: number | undefined;
  /** Input written to a cache for an hour; without it as for 5 minutes. */
  readonly cacheCreation1hInput?: number | undefined;
  readonly inputAudio?: number | undefined;
  readonly inputImage?: number | undefined;
  readonly output: number;
  readonly outputAudio?: number | undefined;
  readonly reasoning?: number | undefined;
}

/** One row of the catalogue. */
export interface PriceEntry {
  readonly vendor?: string | undefined;
  /** Names in any letter case; one that ends in `*` stands for all that begin like it. */
  readonly models: readonly string[];
  readonly prices: Prices;
  /** Prices of the whole request when its prompt, cached tokens included, has more tokens than this. */
  readonly longPrompt?: { readonly above: number; readonly prices: Prices } | undefined;
  /** First day, in UTC, on which the row holds: `2026-10-07`. */
  readonly from?: string | undefined;
  /** First day on which it no longer holds. */
  readonly until?: string | undefined;
  /** The vendor's page that the figures are from. */
  readonly source?: string | undefined;
  /** Day on which that page said so. */
  readonly asOf?: string | undefined;
}

/** A file of prices. */
export interface PriceFile {
  readonly prices: readonly PriceEntry[];
}

/** A row of a user's file, with a way to say something about it. */
export interface WrittenEntry {
  readonly entry: PriceEntry;
  /** Makes a notice of one of its fields. */
  notice(path: FieldPath, reason: string): Notice;
}

/** A dollar for one token: whatever is dearer is a slip of the keyboard. */
const PRICE_MAX = 1_000_000;
const Price = Type.Number({ minimum: 0, maximum: PRICE_MAX });
const Day = Type.String({ pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "x-expects": "a day such as 2026-10-07" });
const ModelName = Type.String({
  minLength: 1,
  maxLength: 256,
  pattern: "^[^*]*\\*?$",
  "x-expects": "the name of a model; a * stands only at its end",
});

const PRICES = {
  input: Price,
  cachedInput: Type.Optional(Price),
  cacheCreation5mInput: Type.Optional(Price),
  cacheCreation1hInput: Type.Optional(Price),
  inputAudio: Type.Optional(Price),
  inputImage: Type.Optional(Price),
  output: Price,
  outputAudio: Type.Optional(Price),
  reasoning: Type.Optional(Price),
} satisfies Record<keyof Prices, Type.TSchema>;

const PricesSchema = object(PRICES);

/** The fields of {@link Prices}. */
export const PRICE_FIELDS = Object.keys(PRICES) as (keyof Prices)[];

const PriceFileSchema = object({
  prices: Type.Array(
    object({
      vendor: Type.Optional(NonEmpty),
      models: Type.Array(ModelName, { minItems: 1 }),
      prices: PricesSchema,
      longPrompt: Type.Optional(object({ above: Type.Integer({ minimum: 1 }), prices: PricesSchema })),
      from: Type.Optional(Day),
      until: Type.Optional(Day),
      source: Type.Optional(NonEmpty),
      asOf: Type.Optional(Day),
    }),
  ),
});

/** Reads JSON or YAML; every fault is reported with its place, and an entry of a document at fault is left out. */
export function readPriceFile(
  text: string,
  fileName: string,
): { readonly entries: readonly WrittenEntry[]; readonly faults: readonly Fault[] } {
  const { objects, faults: syntax } = readDocuments({ name: fileName, text });
  const faults = [...syntax];
  const entries = objects.flatMap((raw) => {
    const report = (path: FieldPath, reason: string) => faults.push(at(raw, path, reason));
    const written = entriesOf(raw, faults);
    for (const [index, { from, until }] of written.entries()) {
      for (const [field, day] of Object.entries({ from, until })) {
        if (day !== undefined && !isDay(day)) report(["prices", index, field], `there is no day ${day}`);
      }
      if (from !== undefined && until !== undefined && until <= from) {
        report(["prices", index, "until"], `must be later than from, which is ${from}`);
      }
    }
    reportOverlaps(written, report);
    return written.map((entry, index) => ({
      entry,
      notice: (path: FieldPath, reason: string): Notice => at(raw, ["prices", index, ...path], reason),
    }));
  });
  return { entries, faults: inOrder(faults) };
}

function at({ origin }: RawObject, path: FieldPath, reason: string): Fault {
  return { source: origin.at(path), path: formatPath(path) || "prices", reason };
}

/** The entries of a document as far as it has the right form. */
function entriesOf(raw: RawObject, faults: Fault[]): readonly PriceEntry[] {
  const fault = (path: FieldPath, reason: string): void => {
    faults.push(at(raw, path, reason));
  };
  const findings: Findings = {
    fault,
    faultOfName: (path, reason) =>
      faults.push({ source: raw.origin.ofName(path), path: formatPath(path) || "prices", reason }),
    // The format has no field that is read and not applied.
    unapplied: fault,
    quote: (_, value) => JSON.stringify(value),
    isSubstituted: () => false,
  };
  let value: unknown;
  try {
    value = raw.value();
  } catch (error) {
    // The yaml package throws this for aliases that multiply, lead nowhere or into themselves.
    if (!(error instanceof ReferenceError)) throw error;
    fault([], `its YAML aliases cannot be resolved: ${error.message}`);
    return [];
  }
  const { value: checked, sound } = validate(PriceFileSchema, value, [], findings);
  // Its shape has just been checked.
  return sound ? (checked as PriceFile).prices : [];
}

/** Whether the calendar has this day, which `2026-02-30` is not. */
function isDay(day: string): boolean {
  const ms = dayMs(day);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}

/** Midnight, in UTC, with which a day begins. */
export function dayMs(day: string): number {
  return Date.parse(`${day}T00:00:00Z`);
}

/** Two prices of a model on the same day would leave the choice to chance. */
function reportOverlaps(entries: readonly PriceEntry[], report: (path: FieldPath, reason: string) => void): void {
  const seen = new Map<string, { readonly index: number; readonly from: string; readonly until: string }[]>();
  for (const [index, { models, from = "", until = "9999-12-31" }] of entries.entries()) {
    for (const [position, model] of models.entries()) {
      const name = model.toLowerCase();
      const others = seen.get(name) ?? [];
      const other = others.find((one) => from < one.until && one.from < until);
      const path = ["prices", index, "models", position];
      if (other !== undefined) report(path, `${model} already has a price for this time in prices[${other.index}]`);
      seen.set(name, [...others, { index, from, until }]);
    }
  }
}
