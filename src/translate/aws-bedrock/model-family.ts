import { type ClaudeModel, claudeModel } from "../anthropic/claude-model.ts";

/** What a model can do, and where it wants what the Converse API leaves to `additionalModelRequestFields`. */
export interface ModelFamily {
  /** Claude's models think, and are told to, as at Anthropic's own API. */
  readonly claude: ClaudeModel | undefined;
  /** The field in which all others take an effort. */
  readonly effort: EffortField;
  /** Whether answers and calls can be held to a schema: https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html */
  readonly hasStructuredOutput: boolean;
  /** Wraps `top_k`, which is no field of Converse's own. */
  readonly topK: (topK: number) => Readonly<Record<string, unknown>>;
}

/** The field in which a model takes an effort. */
export type EffortField =
  /** https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html */
  "reasoningConfig" | "reasoning_effort" | "reasoning.effort" | "reasoning_config";

const OTHER: ModelFamily = {
  claude: undefined,
  effort: "reasoning_config",
  hasStructuredOutput: true,
  topK: (topK) => ({ top_k: topK }),
};

/**
 * By model id. Ids of inference profiles contain the model's (`us.amazon.nova-…`); an ARN of an application inference
 * profile says nothing and is among the others.
 */
const FAMILIES: readonly (readonly [pattern: RegExp, family: ModelFamily])[] = [
  [
    /amazon\.nova/,
    {
      ...OTHER,
      effort: "reasoningConfig",
      hasStructuredOutput: false,
      // https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html
      topK: (topK) => ({ inferenceConfig: { topK } }),
    },
  ],
  [/openai\.gpt-oss|moonshot/, { ...OTHER, effort: "reasoning_effort" }],
  [/openai\./, { ...OTHER, effort: "reasoning.effort" }],
];

/** The family of a model. */
export function familyOf(model: string): ModelFamily {
  if (model.includes("claude")) {
    const claude = claudeModel(model);
    return { ...OTHER, claude, hasStructuredOutput: claude.hasStructuredOutput };
  }
  return FAMILIES.find(([pattern]) => pattern.test(model))?.[1] ?? OTHER;
}
