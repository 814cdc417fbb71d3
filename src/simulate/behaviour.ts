/** How the simulator is told to behave: for all requests by its options, for one by its model name or `x-simulate`. */
import { FAULTS, type FaultName, isFaultName } from "./faults.ts";
import { Refusal } from "./vendor.ts";

/** How one request is answered. */
export interface Behaviour {
  /** Wait before the first byte. */
  readonly delayMs: number;
  /** Wait before every following chunk of a stream. */
  readonly chunkDelayMs: number;
  /** Number of text chunks of a stream; undefined = one per word. */
  readonly chunks: number | undefined;
  /** Length of the answer; undefined = as long as the text is. */
  readonly tokens: number | undefined;
  readonly cachedTokens: number;
  readonly cacheCreationTokens: number;
  readonly reasoningTokens: number;
  /** Anything but 200 is answered with an error in the vendor's shape. */
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly fault: FaultName | undefined;
  /** The model as it is answered; undefined = as asked. */
  readonly answerModel: string | undefined;
}

/** An ordinary answer without delay. */
export const ORDINARY: Behaviour = {
  delayMs: 0,
  chunkDelayMs: 0,
  chunks: undefined,
  tokens: undefined,
  cachedTokens: 0,
  cacheCreationTokens: 0,
  reasoningTokens: 0,
  status: 200,
  retryAfter: undefined,
  fault: undefined,
  answerModel: undefined,
};

const NUMBERS = {
  "delay-ms": "delayMs",
  "chunk-delay-ms": "chunkDelayMs",
  chunks: "chunks",
  tokens: "tokens",
  "cached-tokens": "cachedTokens",
  "cache-creation-tokens": "cacheCreationTokens",
  "reasoning-tokens": "reasoningTokens",
  status: "status",
} as const;
const TEXTS = { "retry-after": "retryAfter", "answer-model": "answerModel" } as const;
const NUMBER_MAX = 10_000_000;
const MODEL_PREFIX = "simulated-";

/** Every key of `x-simulate`. */
export const SETTING_NAMES: readonly string[] = [...Object.keys(NUMBERS), ...Object.keys(TEXTS), "fault"];

/** Applies what a model name asks for: `simulated-slow`, `simulated-429`, `simulated-reset-mid-stream`, … */
export function behaveByModel(base: Behaviour, model: string): Behaviour {
  if (!model.startsWith(MODEL_PREFIX)) return base;
  const wish = model.slice(MODEL_PREFIX.length);
  if (wish === "slow") return { ...base, delayMs: 1000, chunkDelayMs: 200 };
  if (isFaultName(wish)) return { ...base, fault: wish };
  const status = Number(wish);
  return status >= 400 && status <= 599 ? { ...base, status } : base;
}

/** Applies an `x-simulate` header, a comma list of `key=value`; throws {@link Refusal}. */
export function behaveByHeader(base: Behaviour, header: string): Behaviour {
  let behaviour = base;
  for (const item of header.split(",")) {
    const [key = "", value = ""] = item.split("=", 2).map((part) => part.trim());
    behaviour = { ...behaviour, ...setting(key, value) };
  }
  return behaviour;
}

function setting(key: string, value: string): Partial<Behaviour> {
  if (key === "fault") {
    if (isFaultName(value)) return { fault: value };
    throw new Refusal(400, `x-simulate: unknown fault "${value}"; one of ${Object.keys(FAULTS).join(", ")}`);
  }
  if (Object.hasOwn(TEXTS, key)) return { [TEXTS[key as keyof typeof TEXTS]]: value };
  if (!Object.hasOwn(NUMBERS, key)) {
    throw new Refusal(400, `x-simulate: unknown key "${key}"; one of ${SETTING_NAMES.join(", ")}`);
  }
  const number = Number(value);
  if (value === "" || !Number.isInteger(number) || number < 0 || number > NUMBER_MAX) {
    throw new Refusal(400, `x-simulate: ${key} must be a whole number from 0 to ${NUMBER_MAX}, not "${value}"`);
  }
  if (key === "status" && (number < 200 || number > 599)) {
    throw new Refusal(400, `x-simulate: status must be from 200 to 599, not ${number}`);
  }
  return { [NUMBERS[key as keyof typeof NUMBERS]]: number };
}
