/**
 * What a model's name says about its generation, read as a version and not as a run of characters: `gemini-2.5-flash`,
 * `gemini-3.1-pro-preview`, `gemini-2.0-flash-001`.
 * https://docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions
 */

/** The generation of a Gemini model. */
export interface GeminiModel {
  /** Whether it is of this generation or a later one; a name without a version (`gemini-flash-latest`) is of the newest. */
  isAtLeast(major: number, minor: number): boolean;
  readonly isFlash: boolean;
}

/** The number of a generation; dates (`1206`) and revisions (`001`) are none. */
const GENERATION = /^(\d)(?:\.(\d{1,2}))?$/;

/** Reads a model's name. */
export function geminiModel(name: string): GeminiModel {
  const words = name.toLowerCase().split(/[-/]/);
  const found = words.map((word) => GENERATION.exec(word)).find((match) => match !== null);
  const generation = found === undefined ? undefined : [Number(found[1]), Number(found[2] ?? 0)];
  return {
    isFlash: words.includes("flash"),
    isAtLeast(major, minor) {
      const [ownMajor = Number.POSITIVE_INFINITY, ownMinor = 0] = generation ?? [];
      return ownMajor > major || (ownMajor === major && ownMinor >= minor);
    },
  };
}
