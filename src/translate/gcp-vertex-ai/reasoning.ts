import type { Reasoning } from "../conversation/conversation.ts";
import { type Losses, untranslatable } from "../conversation/losses.ts";
import type { GeminiModel } from "./model-version.ts";

/** How much a model is to think: https://ai.google.dev/gemini-api/docs/thinking */
export interface ThinkingConfig {
  readonly includeThoughts?: boolean;
  /** Tokens; 0 = none, -1 = as the model sees fit. */
  readonly thinkingBudget?: number;
  readonly thinkingLevel?: string;
}

/** Efforts as Google's own OpenAI-compatible surface reads them: https://ai.google.dev/gemini-api/docs/openai#thinking */
const BUDGETS: ReadonlyMap<string, number> = new Map([
  ["minimal", 1024],
  ["low", 1024],
  ["medium", 8192],
  ["high", 24_576],
  ["xhigh", 24_576],
  ["max", 24_576],
]);

const LEVELS: ReadonlyMap<string, string> = new Map([
  ["none", "MINIMAL"],
  ["minimal", "MINIMAL"],
  ["low", "LOW"],
  ["medium", "MEDIUM"],
  ["high", "HIGH"],
  ["xhigh", "HIGH"],
  ["max", "HIGH"],
]);

/** The least that the Pro models of generation 2.5 can be told; they cannot be kept from thinking. */
const PRO_BUDGET_MIN = 128;

/** Generations before this do not think. */
const FIRST_THINKING = [2, 5] as const;

/** Writes how much to think; undefined when nothing was asked. */
export function writeReasoning(
  reasoning: Reasoning | undefined,
  model: GeminiModel,
  losses: Losses,
): ThinkingConfig | undefined {
  if (reasoning === undefined) return undefined;
  const { type, budgetTokens, effort } = reasoning;
  if (!model.isAtLeast(...FIRST_THINKING)) {
    if (type !== "disabled" && effort !== "none") losses.drop(type === undefined ? "reasoning_effort" : "thinking");
    return undefined;
  }
  if (type === "disabled") return model.isAtLeast(3, 0) ? level("none", model, losses) : off(model);
  const shown = includeThoughts(reasoning);
  if (type === "enabled" && budgetTokens !== undefined) return { ...shown, thinkingBudget: budgetTokens };
  if (effort === undefined) return type === undefined ? { ...shown } : { ...shown, ...adaptive(model) };
  return { ...shown, ...byEffort(effort, model, losses) };
}

/** Whoever asks for thinking the way Anthropic has it is shown it unless they decline; effort alone shows nothing. */
function includeThoughts({ type, includeThoughts: asked, display }: Reasoning): ThinkingConfig {
  const shown = asked ?? (type === undefined ? undefined : display !== "omitted");
  return shown === undefined ? {} : { includeThoughts: shown };
}

function adaptive(model: GeminiModel): ThinkingConfig {
  return model.isAtLeast(3, 0) ? {} : { thinkingBudget: -1 };
}

function byEffort(effort: string, model: GeminiModel, losses: Losses): ThinkingConfig {
  if (model.isAtLeast(3, 0)) return level(effort, model, losses);
  if (effort === "none") return off(model);
  const budget = BUDGETS.get(effort);
  if (budget === undefined) throw unknownEffort(effort, losses);
  return { thinkingBudget: budget };
}

/** The Pro models know no `MINIMAL`, and the first of them no `MEDIUM`: https://ai.google.dev/gemini-api/docs/thinking#thinking-levels */
function level(effort: string, model: GeminiModel, losses: Losses): ThinkingConfig {
  const found = LEVELS.get(effort);
  if (found === undefined) throw unknownEffort(effort, losses);
  if (model.isFlash) return { thinkingLevel: found };
  if (found === "MINIMAL") return { thinkingLevel: "LOW" };
  return { thinkingLevel: found === "MEDIUM" && !model.isAtLeast(3, 1) ? "HIGH" : found };
}

function off(model: GeminiModel): ThinkingConfig {
  return { thinkingBudget: model.isFlash ? 0 : PRO_BUDGET_MIN };
}

function unknownEffort(effort: string, losses: Losses): Error {
  return untranslatable(losses.pathOf("reasoning_effort"), `${JSON.stringify(effort)} is not known to Gemini`);
}
