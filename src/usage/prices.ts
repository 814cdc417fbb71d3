/**
 * What tokens cost, by the vendors' price lists and by what users say instead. Time and text come from the caller. The figures
 * are in prices-<month>.json, each with the vendor's page and the day on which it said so.
 */
import type { Fault } from "../errors/config-error.ts";
import type { Notice } from "../resources/resource.ts";
import { namesOf } from "./model-names.ts";
import {
  dayMs,
  PRICE_FIELDS,
  type PriceEntry,
  type PriceFile,
  type Prices,
  readPriceFile,
  type WrittenEntry,
} from "./price-file.ts";
import builtInFile from "./prices-2026-11.json" with { type: "json" };
import { type TokenBuckets, type TokenUsage, toBuckets } from "./token-usage.ts";

/** Picodollars (10⁻¹² dollars) for a token, which is micro-dollars for a million: whole numbers, so that sums are exact. */
type Rates = Readonly<Record<keyof TokenBuckets, number>>;

/** What a model costs for some time, ready to compute with. */
export interface ModelPrice {
  /** The row as it is written. */
  readonly entry: PriceEntry;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly rates: Rates;
  readonly longPrompt: { readonly above: number; readonly rates: Rates } | undefined;
}

/** Rows of one file by the names of their models. */
interface Layer {
  readonly entries: readonly PriceEntry[];
  readonly byName: ReadonlyMap<string, readonly ModelPrice[]>;
  /** Rows of names that end in `*`, without it, the longest first. */
  readonly byPrefix: readonly (readonly [prefix: string, rows: readonly ModelPrice[]])[];
}

/** What a catalogue became under a user's prices. */
export interface Overridden {
  /** The catalogue as it was, where the file has a fault. */
  readonly catalogue: PriceCatalogue;
  readonly faults: readonly Fault[];
  readonly notices: readonly Notice[];
}

/** Models that are remembered: callers choose the names, so there must be an end to them. */
const REMEMBERED_MAX = 4096;
/** Longer names are no model's: an ARN of Bedrock, the longest there is, has fewer characters. */
const NAME_CHARS_MAX = 1024;
const PICODOLLARS_PER_NANODOLLAR = 1000;
/** A price this many times off the list's is taken for one in another unit. */
const UNLIKELY_FACTOR = 10;

/** Prices by model. */
export class PriceCatalogue {
  /** The first that knows a model has the say. */
  readonly #layers: readonly Layer[];
  /** Rows found for a name, so that names are taken apart once and not for every request. */
  readonly #found = new Map<string, readonly ModelPrice[]>();

  private constructor(layers: readonly Layer[]) {
    this.#layers = layers;
  }

  /** The vendors' price lists, as of the month in the file's name. */
  static builtIn(): PriceCatalogue {
    return new PriceCatalogue([layerOf(BUILT_IN.prices)]);
  }

  /** All rows, those that users gave first. */
  get entries(): readonly PriceEntry[] {
    return this.#layers.flatMap(({ entries }) => entries);
  }

  /**
   * Lays the prices of a file (JSON or YAML) over these. What it says of a model replaces all that is said here of the
   * model for that time; the two are not mixed.
   */
  withOverrides(text: string, fileName: string): Overridden {
    const { entries, faults } = readPriceFile(text, fileName);
    if (faults.length > 0) return { catalogue: this, faults, notices: [] };
    return {
      catalogue: new PriceCatalogue([layerOf(entries.map(({ entry }) => entry)), ...this.#layers]),
      faults,
      notices: entries.flatMap((written) => this.#unlikely(written)),
    };
  }

  /** Price of a model at a time (Unix milliseconds), or undefined where none is known. */
  find(model: string, atMs: number): ModelPrice | undefined {
    return this.#rows(model).find(({ fromMs, untilMs }) => fromMs <= atMs && atMs < untilMs);
  }

  /** What usage costs in nanodollars (10⁻⁹ dollars), rounded up, or undefined where the model's price is not known. */
  priceOf(model: string, usage: TokenUsage, atMs: number): number | undefined {
    const price = this.find(model, atMs);
    return price === undefined ? undefined : costOf(price, usage);
  }

  #rows(model: string): readonly ModelPrice[] {
    const known = this.#found.get(model);
    if (known !== undefined) return known;
    if (model.length > NAME_CHARS_MAX) return [];
    const names = namesOf(model);
    const rows = this.#layers.flatMap((layer) => rowsIn(layer, names));
    if (this.#found.size >= REMEMBERED_MAX) this.#found.clear();
    this.#found.set(model, rows);
    return rows;
  }

  /** Notices of prices that look as if they were for a thousand tokens, or for one. */
  #unlikely({ entry, notice }: WrittenEntry): Notice[] {
    const listed = entry.models.map((model) => this.#rows(model)).find((rows) => rows.length > 0) ?? [];
    return PRICE_FIELDS.flatMap((field) => {
      const price = entry.prices[field];
      const list = listed.flatMap((row) => row.entry.prices[field] ?? []).filter((one) => one > 0);
      const [first] = list;
      // No price at all is meant: a model of one's own, or one that is paid for in another way.
      if (!price || first === undefined || list.some((one) => isLikely(price, one))) return [];
      const reason = `is far from the list's $${first}; prices are US dollars for a million tokens`;
      return [notice(["prices", field], reason)];
    });
  }
}

function isLikely(price: number, list: number): boolean {
  return price <= list * UNLIKELY_FACTOR && list <= price * UNLIKELY_FACTOR;
}

/** What usage costs by one row, in nanodollars, rounded up. */
export function costOf({ rates: short, longPrompt }: ModelPrice, usage: TokenUsage): number {
  const buckets = toBuckets(usage);
  const rates = longPrompt !== undefined && promptTokens(buckets) > longPrompt.above ? longPrompt.rates : short;
  const picodollars =
    buckets.uncachedInput * rates.uncachedInput +
    buckets.inputAudio * rates.inputAudio +
    buckets.inputImage * rates.inputImage +
    buckets.cachedInput * rates.cachedInput +
    buckets.cacheCreationInput * rates.cacheCreationInput +
    buckets.cacheCreation5mInput * rates.cacheCreation5mInput +
    buckets.cacheCreation1hInput * rates.cacheCreation1hInput +
    buckets.output * rates.output +
    buckets.outputAudio * rates.outputAudio +
    buckets.reasoning * rates.reasoning;
  return Math.ceil(picodollars / PICODOLLARS_PER_NANODOLLAR);
}

/** Tokens of the whole prompt, however each was billed. */
function promptTokens(buckets: TokenBuckets): number {
  return (
    buckets.uncachedInput +
    buckets.inputAudio +
    buckets.inputImage +
    buckets.cachedInput +
    buckets.cacheCreationInput +
    buckets.cacheCreation5mInput +
    buckets.cacheCreation1hInput
  );
}

function rowsIn({ byName, byPrefix }: Layer, names: readonly string[]): readonly ModelPrice[] {
  for (const name of names) {
    const rows = byName.get(name);
    if (rows !== undefined) return rows;
  }
  return byPrefix.find(([prefix]) => names.some((name) => name.startsWith(prefix)))?.[1] ?? [];
}

function layerOf(entries: readonly PriceEntry[]): Layer {
  const byName = new Map<string, ModelPrice[]>();
  const byPrefix = new Map<string, ModelPrice[]>();
  for (const entry of entries) {
    const price = modelPrice(entry);
    for (const model of entry.models) {
      const name = model.toLowerCase();
      const [map, key] = name.endsWith("*") ? [byPrefix, name.slice(0, -1)] : [byName, name];
      map.set(key, [...(map.get(key) ?? []), price]);
    }
  }
  return { entries, byName, byPrefix: [...byPrefix].sort(([a], [b]) => b.length - a.length) };
}

function modelPrice(entry: PriceEntry): ModelPrice {
  const { prices, longPrompt, from, until } = entry;
  return {
    entry,
    fromMs: from === undefined ? Number.NEGATIVE_INFINITY : dayMs(from),
    untilMs: until === undefined ? Number.POSITIVE_INFINITY : dayMs(until),
    rates: ratesOf(prices),
    longPrompt: longPrompt && { above: longPrompt.above, rates: ratesOf(longPrompt.prices) },
  };
}

function ratesOf(prices: Prices): Rates {
  const { input, output, cacheCreation5mInput = input } = prices;
  return {
    uncachedInput: picodollars(input),
    inputAudio: picodollars(prices.inputAudio ?? input),
    inputImage: picodollars(prices.inputImage ?? input),
    cachedInput: picodollars(prices.cachedInput ?? input),
    cacheCreationInput: picodollars(cacheCreation5mInput),
    cacheCreation5mInput: picodollars(cacheCreation5mInput),
    cacheCreation1hInput: picodollars(prices.cacheCreation1hInput ?? cacheCreation5mInput),
    output: picodollars(output),
    outputAudio: picodollars(prices.outputAudio ?? output),
    reasoning: picodollars(prices.reasoning ?? output),
  };
}

/** Dollars for a million tokens as picodollars for one, rounded up to whole ones. */
function picodollars(dollars: number): number {
  // Decimal fractions are not exact in binary: 0.000007 × 10⁶ is a little more than 7.
  return Math.ceil(Number((dollars * 1e6).toPrecision(12)));
}

const BUILT_IN: PriceFile = builtInFile;
