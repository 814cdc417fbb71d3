/** What the name of a model tells about the server behind it. */

/** A model by what matters for a request. */
export interface ServedModel {
  /** One of OpenAI's, whose servers refuse fields they do not know; others (vLLM, DeepSeek, …) take more. */
  readonly isOpenAI: boolean;
  /** `5.4` of `gpt-5.4-mini`; undefined for other names. */
  readonly generation: number | undefined;
  /** False where the model is known not to take `reasoning_effort`. */
  readonly canReason: boolean;
}

const GPT = /^gpt-(\d)(?:\.(\d+))?(?!\d)/;
const OTHER_OF_OPENAI = /^(?:gpt-35|chatgpt|codex|o\d)(?![a-z])/;
const CHAT_VARIANT = /-chat(?:-|$)/;

/** Reads a name as OpenAI gives them (`gpt-5.4-mini`, `ft:gpt-4o:…`), also behind a path (`openai/o3`). */
export function modelNamed(name: string): ServedModel {
  const base = name.slice(name.lastIndexOf("/") + 1).toLowerCase();
  const model = base.startsWith("ft:") ? base.slice(3) : base;
  const gpt = GPT.exec(model);
  if (gpt === null) {
    const isOpenAI = OTHER_OF_OPENAI.test(model);
    return { isOpenAI, generation: undefined, canReason: !isOpenAI || /^(?:o\d|codex)/.test(model) };
  }
  // 5.10 comes after 5.9.
  const generation = Number(gpt[1]) + Number(gpt[2] ?? 0) / 100;
  return { isOpenAI: true, generation, canReason: generation >= 5 && !CHAT_VARIANT.test(model) };
}

/** A deployment at Azure, whose name may be any: it is OpenAI's model, and may be one that reasons. */
export function deploymentNamed(name: string): ServedModel {
  const known = modelNamed(name);
  return known.isOpenAI ? known : { isOpenAI: true, generation: undefined, canReason: true };
}

/** Generations as {@link ServedModel} has them. */
export const GENERATIONS = {
  /** `minimal` came with 5.0 and went with 5.1, which has `none`. */
  none: 5.01,
  xhigh: 5.02,
  /** From here on function tools want `reasoning_effort` to be `none`: https://github.com/openai/openai-openapi/issues/541 */
  toolsOrReasoning: 5.04,
} as const;
