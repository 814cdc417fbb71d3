import type { ClaudeModel } from "../anthropic/claude-model.ts";
import { writeThinking } from "../anthropic/reasoning.ts";
import type { Reasoning } from "../conversation/conversation.ts";
import type { Losses } from "../conversation/losses.ts";
import type { JsonRecord } from "../conversation/read.ts";
import type { EffortField, ModelFamily } from "./model-family.ts";

/** How a wish for thinking is said to Bedrock. */
export interface WrittenReasoning {
  /** Members of `additionalModelRequestFields`. */
  readonly fields: JsonRecord;
  /** `outputConfig.effort`. */
  readonly effort: string | undefined;
}

/** Writes how much the model is to think, which Bedrock leaves to each model's own fields. */
export function writeReasoning(
  reasoning: Reasoning | undefined,
  { claude, effort }: ModelFamily,
  losses: Losses,
): WrittenReasoning {
  if (reasoning === undefined) return { fields: {}, effort: undefined };
  if (claude !== undefined) return writeClaude(reasoning, claude, losses);
  return { fields: writeFields(reasoning, effort, losses), effort: undefined };
}

/** https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html */
function writeClaude(reasoning: Reasoning, model: ClaudeModel, losses: Losses): WrittenReasoning {
  const { effort } = reasoning;
  const thinking = writeThinking(reasoning, model, losses);
  const fields: JsonRecord = thinking === undefined ? {} : { thinking };
  if (effort === undefined || effort === "none") return { fields, effort: undefined };
  // OpenAI's least effort, for which Claude has no word of its own.
  if (model.hasEffort) return { fields, effort: effort === "minimal" ? "low" : effort };
  losses.drop("reasoning_effort");
  return { fields, effort: undefined };
}

function writeFields(reasoning: Reasoning, field: EffortField, losses: Losses): JsonRecord {
  const { type, budgetTokens, effort, display } = reasoning;
  const isThinkingSaid = type !== undefined || budgetTokens !== undefined;
  switch (field) {
    case "reasoningConfig":
      return writeNova(reasoning, losses);
    case "reasoning_effort":
    case "reasoning.effort":
      if (isThinkingSaid) losses.drop("thinking");
      if (effort === undefined) return {};
      return field === "reasoning_effort" ? { reasoning_effort: effort } : { reasoning: { effort } };
    case "reasoning_config":
      return {
        ...(isThinkingSaid ? { thinking: { type: type ?? "enabled", budget_tokens: budgetTokens, display } } : {}),
        // Models of this field do not think unless told to.
        ...(effort === undefined || effort === "none" ? {} : { reasoning_config: effort }),
      };
  }
}

function writeNova({ type, budgetTokens, effort }: Reasoning, losses: Losses): JsonRecord {
  if (type === undefined && budgetTokens === undefined && effort === undefined) return {};
  if (type === "disabled" || (type === undefined && effort === "none"))
    return { reasoningConfig: { type: "disabled" } };
  if (budgetTokens !== undefined) losses.drop("thinking.budget_tokens");
  const maxReasoningEffort = NOVA_EFFORTS.get(effort) ?? effort;
  return { reasoningConfig: { type: "enabled", maxReasoningEffort } };
}

/** The nearest of Nova's three words. */
const NOVA_EFFORTS: ReadonlyMap<string | undefined, string> = new Map([
  [undefined, "medium"],
  ["none", "low"],
  ["minimal", "low"],
  ["xhigh", "high"],
  ["max", "high"],
]);
