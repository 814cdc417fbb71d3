import type { OutputFormat, Reasoning } from "../conversation/conversation.ts";
import type { Losses } from "../conversation/losses.ts";
import type { JsonRecord } from "../conversation/read.ts";
import type { ClaudeModel } from "./claude-model.ts";

/** The least a budget may be: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking */
const BUDGET_MIN = 1024;

/** Writes `thinking`, undefined when nothing was asked. */
export function writeThinking(
  reasoning: Reasoning | undefined,
  model: ClaudeModel,
  losses: Losses,
): JsonRecord | undefined {
  if (reasoning === undefined) return undefined;
  const { budgetTokens, effort, includeThoughts } = reasoning;
  const type = reasoning.type ?? (budgetTokens === undefined ? undefined : "enabled");
  const display = writeDisplay(reasoning, model);
  switch (type) {
    case "enabled":
      if (budgetTokens === undefined && model.hasAdaptiveThinking) return { type: "adaptive", ...display };
      return { type: "enabled", budget_tokens: budgetTokens ?? BUDGET_MIN, ...display };
    case "adaptive":
      return { type: "adaptive", ...display };
    case "disabled":
      return { type: "disabled" };
    case undefined:
      if (effort === "none") return writeNone(model, losses);
      return includeThoughts === true && model.hasAdaptiveThinking ? { type: "adaptive", ...display } : undefined;
  }
}

/** OpenAI's `none` is no effort of Claude's but thinking turned off. */
function writeNone(model: ClaudeModel, losses: Losses): JsonRecord | undefined {
  if (model.canStopThinking) return { type: "disabled" };
  losses.drop("reasoning_effort");
  return undefined;
}

function writeDisplay({ display, includeThoughts }: Reasoning, model: ClaudeModel): JsonRecord {
  if (display !== undefined) return { display };
  if (includeThoughts === undefined || !model.hasAdaptiveThinking) return {};
  return { display: includeThoughts ? "summarized" : "omitted" };
}

/**
 * Writes `output_config`: effort and the JSON schema of the answer, each only to models that have it. Nothing else is used to
 * force a format.
 */
export function writeOutputConfig(
  { output, reasoning }: { readonly output: OutputFormat | undefined; readonly reasoning: Reasoning | undefined },
  model: ClaudeModel,
  losses: Losses,
): JsonRecord | undefined {
  const effort = writeEffort(reasoning?.effort, model, losses);
  const format = writeFormat(output, model, losses);
  if (effort === undefined && format === undefined) return undefined;
  return { ...(effort === undefined ? {} : { effort }), ...(format === undefined ? {} : { format }) };
}

function writeEffort(effort: string | undefined, model: ClaudeModel, losses: Losses): string | undefined {
  if (effort === undefined || effort === "none") return undefined;
  if (model.hasEffort) return effort === "minimal" ? "low" : effort;
  losses.drop("reasoning_effort");
  return undefined;
}

function writeFormat(output: OutputFormat | undefined, model: ClaudeModel, losses: Losses): JsonRecord | undefined {
  if (output === undefined || output.type === "text") return undefined;
  if (output.type === "json-schema" && model.hasStructuredOutput) return { type: "json_schema", schema: output.schema };
  losses.drop("response_format");
  return undefined;
}
