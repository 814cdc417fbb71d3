import type { Reasoning } from "../../conversation/conversation.ts";
import type { Losses } from "../../conversation/losses.ts";
import { GENERATIONS, type ServedModel } from "./model.ts";

/** Budgets below these are `low` and `medium`; ours to choose, as OpenAI has no budgets. */
const LOW_BELOW_TOKENS = 4096;
const MEDIUM_BELOW_TOKENS = 16_384;

/**
 * How much to think. OpenAI's models have efforts in the place of budgets, and refuse a field of another name; for other models
 * `thinking` goes along as it came, as DeepSeek, GLM and Claude behind an OpenAI-compatible server read it.
 * https://platform.openai.com/docs/guides/reasoning
 */
export function writeReasoning(
  reasoning: Reasoning | undefined,
  { model, hasTools }: { readonly model: ServedModel; readonly hasTools: boolean },
  losses: Losses,
): { readonly thinking?: object; readonly reasoning_effort?: string } {
  if (reasoning?.display !== undefined) losses.drop("thinking.display");
  if (!model.isOpenAI) return reasoning === undefined ? {} : writeForOthers(reasoning);
  const wanted = reasoning === undefined ? undefined : wantedEffort(reasoning, model);
  if (hasTools && model.canReason && isFrom(model, GENERATIONS.toolsOrReasoning)) {
    if (wanted !== undefined && wanted !== "none") losses.drop("thinking");
    return { reasoning_effort: "none" };
  }
  const isLost = wanted === undefined ? reasoning?.type === "disabled" : !model.canReason;
  // What cannot reason need not be told not to.
  if (isLost && (model.canReason || reasoning?.type !== "disabled")) losses.drop("thinking");
  return wanted === undefined || !model.canReason ? {} : { reasoning_effort: wanted };
}

function writeForOthers(reasoning: Reasoning): { readonly thinking?: object; readonly reasoning_effort?: string } {
  const { type = reasoning.budgetTokens === undefined ? undefined : "enabled", budgetTokens, effort } = reasoning;
  return {
    ...(type === undefined ? {} : { thinking: { type, budget_tokens: budgetTokens } }),
    ...(effort === undefined ? {} : { reasoning_effort: effort }),
  };
}

/** Undefined where nothing need be said, or nothing can be. */
function wantedEffort({ type, budgetTokens, effort }: Reasoning, model: ServedModel): string | undefined {
  if (type === "disabled") {
    if (isFrom(model, GENERATIONS.none)) return "none";
    return model.generation === 5 ? "minimal" : undefined;
  }
  if (effort !== undefined) return writeEffort(effort, model);
  if (budgetTokens === undefined) return undefined;
  if (budgetTokens < LOW_BELOW_TOKENS) return "low";
  return budgetTokens < MEDIUM_BELOW_TOKENS ? "medium" : "high";
}

/** `max` is Anthropic's alone, and `xhigh` is not for older models: https://docs.anthropic.com/en/docs/build-with-claude/effort */
function writeEffort(effort: string, model: ServedModel): string {
  if (effort !== "max" && effort !== "xhigh") return effort;
  return isFrom(model, GENERATIONS.xhigh) ? "xhigh" : "high";
}

function isFrom({ generation }: ServedModel, first: number): boolean {
  return generation !== undefined && generation >= first;
}
