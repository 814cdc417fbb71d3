import type {
  AssistantPart,
  AssistantTurn,
  Conversation,
  ToolResultPart,
  Turn,
  UserTurn,
} from "../../conversation/conversation.ts";
import type { Losses } from "../../conversation/losses.ts";
import { writeAssistant } from "./assistant.ts";
import { writeMedia } from "./media.ts";
import type { AskedModel } from "./request.ts";

/**
 * Writes the messages. OpenAI wants all calls that one answer made in one assistant message and their results right after it, so
 * neighbouring assistant turns become one where calls are among them, and results go before all else that users say.
 */
export function writeMessages({ system, turns }: Conversation, model: AskedModel, losses: Losses): object[] {
  const messages: object[] = [];
  const instructions = system.map(({ text }) => text).join("");
  if (instructions !== "") messages.push({ role: "system", content: instructions });
  let index = 0;
  while (index < turns.length) {
    const run = sameRole(turns, index);
    if (run.role === "user") messages.push(...writeUsers(run.turns, losses));
    else for (const parts of gather(run.turns)) messages.push(...writeAssistant(parts, model, losses));
    index += run.turns.length;
  }
  return messages;
}

type Run =
  | { readonly role: "user"; readonly turns: readonly UserTurn[] }
  | { readonly role: "assistant"; readonly turns: readonly AssistantTurn[] };

function sameRole(turns: readonly Turn[], start: number): Run {
  const role = turns[start]?.role ?? "user";
  let end = start;
  while (end < turns.length && turns[end]?.role === role) end++;
  const slice = turns.slice(start, end);
  return role === "user"
    ? { role, turns: slice.filter((turn) => turn.role === "user") }
    : { role, turns: slice.filter((turn) => turn.role === "assistant") };
}

/** The parts of each assistant message. */
function gather(turns: readonly AssistantTurn[]): AssistantPart[][] {
  const messages: AssistantPart[][] = [];
  for (const { parts } of turns) {
    const before = messages.at(-1);
    if (before !== undefined && (!before.some(isSpoken) || [...before, ...parts].some(isCall))) before.push(...parts);
    else messages.push([...parts]);
  }
  return messages;
}

function isCall({ type }: AssistantPart): boolean {
  return type === "tool-call";
}

function isSpoken({ type }: AssistantPart): boolean {
  return type !== "thinking" && type !== "redacted-thinking";
}

function writeUsers(turns: readonly UserTurn[], losses: Losses): object[] {
  const results: object[] = [];
  const messages: object[] = [];
  for (const { parts } of turns) {
    const content: object[] = [];
    for (const part of parts) {
      if (part.type === "tool-result") {
        const { message, attachments } = writeResult(part, losses);
        results.push(message);
        content.push(...attachments);
      } else if (part.type !== "text") content.push(writeMedia(part, losses));
      else if (part.text !== "") content.push({ type: "text", text: part.text });
    }
    if (content.length > 0) messages.push({ role: "user", content: joinTexts(content) });
  }
  return [...results, ...messages];
}

/** Parts that are all text become one string, which every compatible server takes. */
function joinTexts(content: readonly object[]): string | readonly object[] {
  const texts = content.map((part) => ("text" in part && typeof part.text === "string" ? part.text : undefined));
  return texts.includes(undefined) ? content : texts.join("");
}

/**
 * A result is text alone at OpenAI: what else it has follows in a user's message, named by the call. There is no member for
 * failure either, so that the text has to say it.
 */
function writeResult(result: ToolResultPart, losses: Losses): { message: object; attachments: object[] } {
  const attachments: object[] = [];
  let text = "";
  for (const part of result.parts) {
    if (part.type === "text") text += part.text;
    else attachments.push(writeMedia(part, losses));
  }
  if (attachments.length > 0) {
    attachments.unshift({ type: "text", text: `Attached to the result of tool call ${result.id}:` });
    if (text === "") text = "The result is attached to the next user message.";
  }
  if (result.isError && !/^\W*error/i.test(text)) text = `Error: ${text}`;
  return { message: { role: "tool", tool_call_id: result.id, content: text }, attachments };
}
