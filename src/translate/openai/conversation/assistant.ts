import { writeSignature } from "../../conversation/chat-completions/tools.ts";
import type { AssistantPart, ToolCallPart } from "../../conversation/conversation.ts";
import { type Losses, untranslatable } from "../../conversation/losses.ts";
import type { AskedModel } from "./request.ts";

/**
 * Writes what the model said in one assistant message, or in none where nothing is left of it.
 *
 * Thoughts go back to servers that gave them: `reasoning_content` is DeepSeek's name
 * (https://api-docs.deepseek.com/guides/thinking_mode), `thinking_blocks` that of gateways in front of Claude. OpenAI's own models
 * hide theirs, and refuse both.
 */
export function writeAssistant(parts: readonly AssistantPart[], model: AskedModel, losses: Losses): readonly object[] {
  let text = "";
  let refusal = "";
  const calls: object[] = [];
  const thoughts: Thought[] = [];
  for (const part of parts) {
    switch (part.type) {
      case "text":
        text += part.text;
        break;
      case "refusal":
        refusal += part.text;
        break;
      case "tool-call":
        calls.push(writeCall(part, model, losses));
        break;
      case "thinking":
      case "redacted-thinking":
        if (model.isOpenAI) losses.dropIn(part);
        else thoughts.push(part);
        break;
      default:
        losses.dropIn(part);
    }
  }
  if (text === "" && refusal === "" && calls.length === 0 && thoughts.length === 0) return [];
  return [
    {
      role: "assistant",
      content: text === "" && (calls.length > 0 || refusal !== "") ? null : text,
      ...(refusal === "" ? {} : { refusal }),
      ...writeThoughts(thoughts),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
  ];
}

type Thought = Extract<AssistantPart, { type: "thinking" | "redacted-thinking" }>;

function writeThoughts(thoughts: readonly Thought[]): object {
  const text = thoughts.map((thought) => (thought.type === "thinking" ? thought.text : "")).join("");
  const isProven = thoughts.some((thought) => thought.type === "redacted-thinking" || thought.signature !== undefined);
  return {
    ...(text === "" ? {} : { reasoning_content: text }),
    ...(isProven ? { thinking_blocks: thoughts.map(writeBlock) } : {}),
  };
}

function writeBlock(thought: Thought): object {
  return thought.type === "thinking"
    ? { type: "thinking", thinking: thought.text, signature: thought.signature }
    : { type: "redacted_thinking", data: thought.data };
}

function writeCall(call: ToolCallPart, model: AskedModel, losses: Losses): object {
  if (call.id === "")
    throw untranslatable(losses.pathIn(call, "tool-call.id"), "the backend wants an id for each tool call");
  if (model.isOpenAI && call.signature !== undefined) losses.dropIn(call, "tool-call.signature");
  return {
    id: call.id,
    type: "function",
    function: { name: call.name, arguments: call.arguments === "" ? "{}" : call.arguments },
    extra_content: model.isOpenAI ? undefined : writeSignature(call.signature),
  };
}
