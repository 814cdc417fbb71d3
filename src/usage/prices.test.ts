import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { formatFault } from "../errors/config-error.ts";
import type { PriceEntry } from "./price-file.ts";
import { costOf, type ModelPrice, PriceCatalogue } from "./prices.ts";
import { emptyUsage, type TokenUsage, toBuckets } from "./token-usage.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const CATALOGUE = PriceCatalogue.builtIn();

type Counts = Partial<Omit<TokenUsage, "estimated">>;

function usage(counts: Counts): TokenUsage {
  return { ...emptyUsage(), ...counts };
}

/** Hand-computed from the vendors' pages: tokens × dollars for a million × 1000 = nanodollars. */
const SUMS: readonly { name: string; model: string; in: Counts; want: number }[] = [
  {
    name: "Anthropic: uncached 1000×4, cached 6000×0.2, written 500×5 + 1000×5 + 1500×8, output with reasoning 2000×20",
    model: "claude-opus-5-5",
    in: {
      inputTokens: 10_000,
      cachedInputTokens: 6000,
      cacheCreationInputTokens: 3000,
      cacheCreation5mInputTokens: 1000,
      cacheCreation1hInputTokens: 1500,
      outputTokens: 2000,
      reasoningTokens: 1200,
    },
    want: 64_700_000,
  },
  {
    name: "Anthropic: a prompt of 100,000 tokens is not long",
    model: "claude-haiku-5-5",
    in: { inputTokens: 100_000, outputTokens: 1000 },
    want: 10_500_000,
  },
  {
    name: "Anthropic: one token more makes all of the request dearer",
    model: "claude-haiku-5-5",
    in: { inputTokens: 100_001, outputTokens: 1000 },
    want: 52_500_500,
  },
  {
    name: "Anthropic: an hour in the cache costs twice the input",
    model: "claude-3-haiku-20240307",
    in: { inputTokens: 1000, cacheCreationInputTokens: 1000, cacheCreation1hInputTokens: 1000, outputTokens: 0 },
    want: 500_000,
  },
  {
    name: "OpenAI: a long prompt counts its cached tokens",
    model: "gpt-6.1-sol",
    in: { inputTokens: 300_000, cachedInputTokens: 200_000, outputTokens: 1000 },
    want: 455_000_000,
  },
  {
    name: "OpenAI: 272,000 tokens are not long",
    model: "gpt-6.1-sol",
    in: { inputTokens: 272_000, outputTokens: 0 },
    want: 544_000_000,
  },
  {
    name: "OpenAI: what is written to a cache costs more than input",
    model: "gpt-6-luna",
    in: { inputTokens: 1000, cacheCreationInputTokens: 400, outputTokens: 10 },
    want: 60_000 + 50_000 + 5000,
  },
  {
    name: "OpenAI: no price for cached input means that of input",
    model: "gpt-5-pro",
    in: { inputTokens: 100, cachedInputTokens: 60, outputTokens: 1 },
    want: 1_620_000,
  },
  {
    name: "OpenAI: audio apart from text",
    model: "gpt-audio-2025-08-28",
    in: { inputTokens: 1000, inputAudioTokens: 400, outputTokens: 500, outputAudioTokens: 300 },
    want: 35_500_000,
  },
  {
    name: "OpenAI: embeddings",
    model: "text-embedding-3-small",
    in: { inputTokens: 1000 },
    want: 20_000,
  },
  {
    name: "Google: audio input, cached input, thoughts as output",
    model: "gemini-2.5-flash",
    in: { inputTokens: 1000, cachedInputTokens: 500, inputAudioTokens: 300, outputTokens: 100, reasoningTokens: 60 },
    want: 625_000,
  },
  {
    name: "Google: a long prompt",
    model: "gemini-3.1-pro-preview",
    in: { inputTokens: 200_001, outputTokens: 10 },
    want: 800_184_000,
  },
  {
    name: "Mistral",
    model: "mistral-small-latest",
    in: { inputTokens: 10, cachedInputTokens: 5, outputTokens: 3 },
    want: 2625,
  },
  {
    name: "Cohere: halves are rounded up",
    model: "command-r7b-12-2024",
    in: { inputTokens: 1, outputTokens: 1 },
    want: 188,
  },
  {
    name: "DeepSeek: its peak hours",
    model: "deepseek-v4-flash-vision-exp",
    in: { inputTokens: 1000, cachedInputTokens: 900, outputTokens: 100 },
    want: 155_400,
  },
  { name: "xAI: below 200,000 tokens", model: "grok-4.7", in: { inputTokens: 199_999 }, want: 399_998_000 },
  { name: "xAI: 200,000 tokens are long already", model: "grok-4.7", in: { inputTokens: 200_000 }, want: 800_000_000 },
  {
    name: "Amazon: less than a nanodollar a token",
    model: "us.amazon.nova-micro-v1:0",
    in: { inputTokens: 4, cachedInputTokens: 4 },
    want: 35,
  },
  { name: "Groq", model: "openai/gpt-oss-120b", in: { inputTokens: 1000, outputTokens: 1000 }, want: 750_000 },
  { name: "nothing used", model: "gpt-5", in: {}, want: 0 },
];

test("the price is the sum over the buckets", async (t) => {
  for (const { name, model, in: counts, want } of SUMS) {
    await t.test(name, () => assert.equal(CATALOGUE.priceOf(model, usage(counts), NOW), want));
  }
});

const ALIASES: readonly { name: string; in: string; want: number | undefined }[] = [
  { name: "first party", in: "claude-sonnet-4-5", want: 4_500_000 },
  { name: "dated", in: "claude-sonnet-4-5-20250929", want: 4_500_000 },
  { name: "Vertex AI", in: "claude-sonnet-4-5@20250929", want: 4_500_000 },
  { name: "OpenRouter", in: "anthropic/claude-sonnet-4.5", want: 4_500_000 },
  { name: "Bedrock, all regions", in: "global.anthropic.claude-sonnet-4-5-20250929-v1:0", want: 4_500_000 },
  {
    name: "Bedrock, one continent: a tenth dearer",
    in: "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    want: 4_950_000,
  },
  { name: "Bedrock, one region: a tenth dearer", in: "anthropic.claude-sonnet-4-5-20250929-v1:0", want: 4_950_000 },
  {
    name: "Bedrock, a model without such a premium",
    in: "us.anthropic.claude-sonnet-4-20250514-v1:0",
    want: 4_500_000,
  },
  { name: "Gemini's path", in: "models/gemini-2.5-pro", want: 2_250_000 },
  { name: "Vertex AI's path", in: "publishers/google/models/gemini-2.5-pro", want: 2_250_000 },
  { name: "a snapshot with a price of its own", in: "gpt-4o-2024-05-13", want: 6_500_000 },
  { name: "the snapshots after it", in: "gpt-4o-2024-08-06", want: 3_500_000 },
  {
    name: "Bedrock charges another price for the last of these",
    in: "anthropic.claude-3-5-sonnet-20241022-v2:0",
    want: undefined,
  },
  { name: "a free variant", in: "google/gemini-2.5-pro:free", want: undefined },
  { name: "a longer name than that of a known model", in: "gpt-5-mega", want: undefined },
  { name: "a model that nobody knows", in: "llama-at-home", want: undefined },
  { name: "no model", in: "", want: undefined },
  { name: "a name of a thousand characters", in: `${"x/".repeat(510)}gpt-5`, want: undefined },
];

test("models are known by the names that hosts give them", async (t) => {
  for (const { name, in: model, want } of ALIASES) {
    await t.test(name, () => {
      assert.equal(CATALOGUE.priceOf(model, usage({ inputTokens: 1000, outputTokens: 100 }), NOW), want);
    });
  }
});

test("the price is that of the day, in UTC", () => {
  const cached = usage({ inputTokens: 1000, cachedInputTokens: 1000 });
  const at = (time: string) => CATALOGUE.priceOf("claude-sonnet-5-5", cached, Date.parse(time));
  assert.equal(at("2026-10-06T23:59:59.999Z"), 200_000);
  assert.equal(at("2026-10-07T00:00:00Z"), 100_000);
  const flash = (time: string) => CATALOGUE.find("gemini-3.8-flash", Date.parse(time))?.entry.prices.input;
  assert.deepEqual([flash("2026-12-31T23:59:59Z"), flash("2027-01-01T00:00:00Z")], [0.75, 1.5]);
});

test("the built-in file has no fault, and every figure says whose it is, where it stands and since when", () => {
  const text = readFileSync(join(import.meta.dirname, "prices-2026-11.json"), "utf8");
  const { faults, notices } = CATALOGUE.withOverrides(text, "prices-2026-11.json");
  assert.deepEqual([faults, notices], [[], []]);
  const entries = CATALOGUE.entries;
  assert.deepEqual(
    entries.filter(
      ({ vendor, source, asOf }) => !(vendor && source?.startsWith("https://") && asOf && asOf < "2026-12"),
    ),
    [],
  );
  assert.deepEqual(
    entries.flatMap(({ models }) => models).filter((model) => model !== model.toLowerCase()),
    [],
  );
});

const OVERRIDES = `
prices:
  - models: [gpt-4o, our-model]
    prices: { input: 1, cachedInput: 0.5, output: 2, reasoning: 3 }
    longPrompt: { above: 100, prices: { input: 10, output: 20 } }
  - models: [house-*]
    prices: { input: 4, output: 4 }
  - models: [house-large-*]
    prices: { input: 7, output: 7 }
  - models: [gpt-5]
    prices: { input: 1, output: 1 }
    from: 2027-01-01
`;

const OVERRIDDEN: readonly { name: string; model: string; in: Counts; want: number | undefined }[] = [
  { name: "a model of the list", model: "gpt-4o", in: { inputTokens: 10, outputTokens: 1 }, want: 12_000 },
  { name: "its snapshots too", model: "gpt-4o-2024-08-06", in: { inputTokens: 10 }, want: 10_000 },
  { name: "a model of one's own", model: "Our-Model", in: { inputTokens: 10 }, want: 10_000 },
  {
    name: "reasoning with a price of its own",
    model: "our-model",
    in: { outputTokens: 5, reasoningTokens: 4 },
    want: 14_000,
  },
  { name: "a long prompt", model: "our-model", in: { inputTokens: 101, outputTokens: 1 }, want: 1_030_000 },
  { name: "a beginning", model: "house-small", in: { inputTokens: 1 }, want: 4000 },
  { name: "the longer of two beginnings", model: "house-large-v2", in: { inputTokens: 1 }, want: 7000 },
  { name: "a price that does not hold yet leaves the list's", model: "gpt-5", in: { inputTokens: 1 }, want: 1250 },
  { name: "what is not named stays", model: "gpt-5-mini", in: { inputTokens: 1 }, want: 250 },
];

test("users' prices go before the list's", async (t) => {
  const { catalogue, faults, notices } = CATALOGUE.withOverrides(OVERRIDES, "prices.yaml");
  assert.deepEqual([faults, notices], [[], []]);
  for (const { name, model, in: counts, want } of OVERRIDDEN) {
    await t.test(name, () => assert.equal(catalogue.priceOf(model, usage(counts), NOW), want));
  }
  await t.test("and the catalogue they were laid over is what it was", () => {
    assert.equal(CATALOGUE.priceOf("gpt-4o", usage({ inputTokens: 1 }), NOW), 2500);
  });
});

/** A file with one row, in JSON, whose second line is what is given. */
function withRow(row: string): string {
  return `{ "prices": [\n${row}\n] }`;
}

const FAULTS = [
  {
    name: "a negative price",
    in: withRow('{ "models": ["a"], "prices": { "input": -1, "output": 1 } }'),
    want: ["p.json:2:41: prices[0].prices.input: must be at least 0, not -1"],
  },
  {
    name: "a text for a number",
    in: withRow('{ "models": ["a"], "prices": { "input": "$3", "output": 1 } }'),
    want: ['p.json:2:41: prices[0].prices.input: must be a number, not the text "$3"'],
  },
  {
    name: "a misspelt field",
    in: withRow('{ "models": ["a"], "prices": { "input": 1, "ouput": 1, "output": 1 } }'),
    want: ['p.json:2:44: prices[0].prices.ouput: is not a known field; did you mean "output"?'],
  },
  {
    name: "a price that is missing",
    in: withRow('{ "models": ["a"], "prices": { "input": 1 } }'),
    want: ["p.json:2:30: prices[0].prices.output: is required"],
  },
  {
    name: "more than a dollar a token",
    in: withRow('{ "models": ["a"], "prices": { "input": 1000001, "output": 1 } }'),
    want: ["p.json:2:41: prices[0].prices.input: must be at most 1000000, not 1000001"],
  },
  {
    name: "a star within a name",
    in: withRow('{ "models": ["gpt*mini"], "prices": { "input": 1, "output": 1 } }'),
    want: ['p.json:2:14: prices[0].models[0]: must be the name of a model; a * stands only at its end, not "gpt*mini"'],
  },
  {
    name: "a day that the calendar does not have",
    in: withRow('{ "models": ["a"], "prices": { "input": 1, "output": 1 }, "from": "2026-02-30" }'),
    want: ["p.json:2:67: prices[0].from: there is no day 2026-02-30"],
  },
  {
    name: "an end before the beginning",
    in: withRow(
      '{ "models": ["a"], "prices": { "input": 1, "output": 1 }, "from": "2026-03-02", "until": "2026-03-02" }',
    ),
    want: ["p.json:2:90: prices[0].until: must be later than from, which is 2026-03-02"],
  },
  {
    name: "two prices for the same day",
    in: withRow(
      '{ "models": ["a"], "prices": { "input": 1, "output": 1 }, "until": "2026-03-02" },\n{ "models": ["b", "A"], "prices": { "input": 1, "output": 1 }, "from": "2026-03-01" }',
    ),
    want: ["p.json:3:19: prices[1].models[1]: A already has a price for this time in prices[0]"],
  },
  {
    name: "no list of prices",
    in: '{ "price": [] }',
    want: ["p.json:1:1: prices: is required", 'p.json:1:3: price: is not a known field; did you mean "prices"?'],
  },
  {
    name: "a field given twice",
    in: '{ "prices": [], "prices": [] }',
    want: ["p.json:1:17: YAML: this field is given twice in the same object; remove one"],
  },
];

test("a fault in users' prices is told with its place and leaves the catalogue as it was", async (t) => {
  for (const { name, in: text, want } of FAULTS) {
    await t.test(name, () => {
      const { catalogue, faults } = CATALOGUE.withOverrides(text, "p.json");
      assert.deepEqual(faults.map(formatFault), want);
      assert.equal(catalogue, CATALOGUE);
    });
  }
});

test("a price in another unit is told, one that is merely another is not", () => {
  const text = `
prices:
  - models: [our-name, gpt-4o]
    prices: { input: 0.0025, cachedInput: 1.25, output: 10 }
  - models: [gpt-5]
    prices: { input: 12.5, output: 0 }
  - models: [gpt-5-mini]
    prices: { input: 0.25, output: 2000 }
  - models: [nobody-knows-it]
    prices: { input: 1000, output: 1000 }
`;
  assert.deepEqual(CATALOGUE.withOverrides(text, "p.yaml").notices.map(formatFault), [
    "p.yaml:4:22: prices[0].prices.input: is far from the list's $2.5; prices are US dollars for a million tokens",
    "p.yaml:8:36: prices[2].prices.output: is far from the list's $2; prices are US dollars for a million tokens",
  ]);
});

test("an empty file changes nothing", () => {
  const { catalogue, faults } = CATALOGUE.withOverrides("", "p.yaml");
  assert.deepEqual(faults, []);
  assert.equal(catalogue.priceOf("gpt-4o", usage({ inputTokens: 1 }), NOW), 2500);
});

const COUNT = fc.option(fc.integer({ min: 0, max: 2_000_000 }), { nil: undefined });
const USAGE = fc.record({
  inputTokens: COUNT,
  cachedInputTokens: COUNT,
  cacheCreationInputTokens: COUNT,
  cacheCreation5mInputTokens: COUNT,
  cacheCreation1hInputTokens: COUNT,
  inputAudioTokens: COUNT,
  inputImageTokens: COUNT,
  outputTokens: COUNT,
  outputAudioTokens: COUNT,
  reasoningTokens: COUNT,
  totalTokens: COUNT,
  estimated: fc.boolean(),
});
const ENTRY = fc.constantFrom(...CATALOGUE.entries);

/** The same sum without a shortcut, in whole picodollars. */
function slowCost(entry: PriceEntry, given: TokenUsage): number {
  const buckets = toBuckets(given);
  const { output, outputAudio, reasoning, ...prompt } = buckets;
  const tokens = Object.values(prompt).reduce((sum, count) => sum + count, 0);
  const { longPrompt } = entry;
  const prices = longPrompt !== undefined && tokens > longPrompt.above ? longPrompt.prices : entry.prices;
  const write = prices.cacheCreation5mInput ?? prices.input;
  const parts: readonly (readonly [number, number])[] = [
    [buckets.uncachedInput, prices.input],
    [buckets.inputAudio, prices.inputAudio ?? prices.input],
    [buckets.inputImage, prices.inputImage ?? prices.input],
    [buckets.cachedInput, prices.cachedInput ?? prices.input],
    [buckets.cacheCreationInput, write],
    [buckets.cacheCreation5mInput, write],
    [buckets.cacheCreation1hInput, prices.cacheCreation1hInput ?? write],
    [output, prices.output],
    [outputAudio, prices.outputAudio ?? prices.output],
    [reasoning, prices.reasoning ?? prices.output],
  ];
  const sum = parts.reduce((total, [count, price]) => total + BigInt(count) * BigInt(Math.round(price * 1e6)), 0n);
  return Number((sum + 999n) / 1000n);
}

function priceOfEntry({ models: [model = ""], from, until }: PriceEntry): ModelPrice {
  const at = from === undefined ? Date.parse(until ?? "2026-11-21") - 1 : Date.parse(from);
  const price = CATALOGUE.find(model, at);
  assert.ok(price !== undefined);
  return price;
}

test("every price is the sum over the buckets, whatever was used", () => {
  const property = fc.property(ENTRY, USAGE, (entry, given) => {
    assert.equal(costOf(priceOfEntry(entry), given), slowCost(entry, given));
  });
  fc.assert(property, { numRuns: 2000 });
});

test("more input and more output never cost less", () => {
  const more = fc.integer({ min: 0, max: 500_000 });
  const property = fc.property(ENTRY, USAGE, more, more, (entry, given, input, output) => {
    const price = priceOfEntry(entry);
    const larger = {
      ...given,
      inputTokens: (given.inputTokens ?? 0) + input,
      outputTokens: (given.outputTokens ?? 0) + output,
    };
    assert.ok(costOf(price, larger) >= costOf(price, given));
  });
  fc.assert(property, { numRuns: 2000 });
});

test("an estimate is priced by what it has: input and output", () => {
  const estimate = { ...usage({ inputTokens: 1000, outputTokens: 100 }), estimated: true };
  assert.equal(CATALOGUE.priceOf("gpt-5", estimate, NOW), 2_250_000);
});
