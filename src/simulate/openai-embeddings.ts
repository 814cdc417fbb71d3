/** Embeddings (https://platform.openai.com/docs/api-reference/embeddings). */
import type { Answer } from "./answer.ts";
import type { Prompt } from "./prompt.ts";
import { indented, type Rendered } from "./shape.ts";

/** An embeddings answer: one unit vector for each input, alike for alike texts. */
export function embeddings(prompt: Prompt, answer: Answer): Rendered {
  const data = prompt.inputs.map((text, index) => {
    const vector = embed(text, prompt.dimensions);
    return { object: "embedding", index, embedding: prompt.base64 ? toBase64(vector) : vector };
  });
  const { input } = answer.usage;
  const lies = { prompt_tokens: -5, total_tokens: "many" };
  const usage = answer.usageShape === "lies" ? lies : { prompt_tokens: input, total_tokens: input };
  const body = { object: "list", data, model: answer.model, ...(answer.usageShape !== "none" && { usage }) };
  return { pieces: [indented(body)] };
}

/** The unit vector of a text: from a linear congruential generator seeded with the text's FNV-1a hash. */
export function embed(text: string, dimensions: number): number[] {
  let state = 0x811c9dc5;
  for (const byte of Buffer.from(text)) state = Math.imul(state ^ byte, 0x01000193);
  const raw = Array.from({ length: dimensions }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 0x8000_0000;
  });
  const norm = Math.hypot(...raw) || 1;
  return raw.map((value) => value / norm);
}

function toBase64(vector: readonly number[]): string {
  return Buffer.from(Float32Array.from(vector).buffer).toString("base64");
}
