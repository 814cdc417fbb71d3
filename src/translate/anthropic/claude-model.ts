/**
 * What a Claude model can do, by the version in its name, as it is spelled by every host: `claude-3-5-sonnet-20241022`,
 * `claude-opus-4-5@20251101`, `us.anthropic.claude-sonnet-4-6-v1:0`. A name that tells no version (an alias, an ARN) is taken
 * for a model that can do everything: the provider says what it cannot, and new models need no change here.
 */

/** What requests depend on. */
export interface ClaudeModel {
  /** https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs */
  readonly hasStructuredOutput: boolean;
  /** https://docs.anthropic.com/en/docs/build-with-claude/effort */
  readonly hasEffort: boolean;
  /** https://docs.anthropic.com/en/docs/build-with-claude/adaptive-thinking */
  readonly hasAdaptiveThinking: boolean;
  /** False for models that cannot be kept from thinking. */
  readonly canStopThinking: boolean;
}

const EVERYTHING: ClaudeModel = {
  hasStructuredOutput: true,
  hasEffort: true,
  hasAdaptiveThinking: true,
  canStopThinking: true,
};
const ALWAYS_THINKING: ClaudeModel = { ...EVERYTHING, canStopThinking: false };

/** Dates and revisions have more digits than a version. */
const NAMED_FIRST = /claude-(opus|sonnet|haiku)-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)/;
const NUMBERED_FIRST = /claude-(v?\d|instant)/;

/** Reads a model's name. */
export function claudeModel(name: string): ClaudeModel {
  const lower = name.toLowerCase();
  if (/claude-(fable|mythos)/.test(lower)) return ALWAYS_THINKING;
  const [, family, major, minor = "0"] = NAMED_FIRST.exec(lower) ?? [];
  if (family !== undefined) return byVersion(family, Number(major) + Number(minor) / 100);
  return NUMBERED_FIRST.test(lower) ? byVersion("", 3) : EVERYTHING;
}

/** @param version 4.05 is 4.5, so that 4.10 would come after it. */
function byVersion(family: string, version: number): ClaudeModel {
  return {
    hasStructuredOutput: version >= 4.05,
    hasEffort: version >= (family === "opus" ? 4.05 : 4.06),
    hasAdaptiveThinking: version >= 4.06,
    canStopThinking: true,
  };
}
