import { readRequest } from "../conversation/chat-completions/request.ts";
import { type Conversation, conversation } from "../conversation/conversation.ts";
import { type JsonRecord, remaining, requiredText } from "../conversation/read.ts";

/** Fields that say what vLLM does anyway: leaving them out loses nothing. */
const DEFAULTS: JsonRecord = {
  add_generation_prompt: true,
  continue_final_message: false,
  return_token_strs: false,
};

/** Tokens like `<s>` are the vendor's own matter, and callers send the field with either value. */
const OF_NO_MATTER: ReadonlySet<string> = new Set(["add_special_tokens"]);

/**
 * Reads what is to be counted: a chat, or a prompt, which is what a user says. Only what a count depends on is kept.
 * https://docs.vllm.ai/en/latest/serving/openai_compatible_server/#tokenizer-api
 *
 * @throws GatewayError `invalid_request`.
 */
export function readTokenizeRequest(document: JsonRecord): Conversation {
  const asked = Object.fromEntries(
    Object.entries(remaining(document, OF_NO_MATTER)).filter(([key, value]) => DEFAULTS[key] !== value),
  );
  const { prompt, ...others } = asked;
  const chat = readRequest(prompt === undefined ? others : { ...others, messages: [promptMessage(prompt)] });
  const { system, turns, tools, toolChoice, reasoning, extensions } = chat;
  return conversation({ system, turns, tools, toolChoice, reasoning, extensions });
}

function promptMessage(prompt: unknown): object {
  return { role: "user", content: requiredText(prompt, "prompt") };
}
