import { type OutputCaps, outputCapAt } from "../api-schema.ts";

/** Caps on output in OpenAI's bodies: https://platform.openai.com/docs/api-reference */
export const OPENAI_OUTPUT_CAPS: OutputCaps = {
  ...outputCapAt("max_completion_tokens"),
  "chat-completions": ["max_completion_tokens", "max_tokens"],
  completions: ["max_tokens"],
  responses: ["max_output_tokens"],
};
