import type { CacheBreakpoint, RequestBlock, RequestMessage, ResultBlock } from "../../apischema/anthropic/message.ts";
import type {
  AssistantPart,
  CacheControl,
  MediaPart,
  TextPart,
  ToolCallPart,
  ToolResultPart,
  Turn,
  UserPart,
} from "../conversation/conversation.ts";
import { type Losses, untranslatable } from "../conversation/losses.ts";
import { isRecord } from "../conversation/read.ts";
import { writeMedia } from "./media.ts";

/**
 * Writes what was said. Turns of one role become one message, in which the results of tools come first, as Claude wants them
 * right after their calls: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use#handling-tool-use-and-tool-result-content-blocks
 * Text without a letter is left out: Claude refuses it, and it says nothing.
 */
export function writeTurns(turns: readonly Turn[], losses: Losses): RequestMessage[] {
  const messages: { role: Turn["role"]; content: RequestBlock[] }[] = [];
  for (const turn of turns) {
    const written =
      turn.role === "user"
        ? turn.parts.flatMap((part) => writeUserPart(part, losses))
        : turn.parts.flatMap((part) => writeAssistantPart(part, losses));
    if (written.length === 0) continue;
    const last = messages.at(-1);
    if (last?.role === turn.role) last.content.push(...written);
    else messages.push({ role: turn.role, content: written });
  }
  return messages.map(({ role, content }) => ({ role, content: role === "user" ? resultsFirst(content) : content }));
}

/** Writes a text, as a list of one block or none. */
export function writeText({
  text,
  cache,
}: TextPart): ({ readonly type: "text"; readonly text: string } & CacheBreakpoint)[] {
  return isBlank(text) ? [] : [{ type: "text", text, ...cacheBreakpoint(cache) }];
}

/** The member that marks the end of what is to be cached. */
export function cacheBreakpoint(cache: CacheControl | undefined): CacheBreakpoint {
  if (cache === undefined) return {};
  return { cache_control: cache.ttl === undefined ? { type: "ephemeral" } : { type: "ephemeral", ttl: cache.ttl } };
}

function resultsFirst(blocks: readonly RequestBlock[]): RequestBlock[] {
  return [
    ...blocks.filter(({ type }) => type === "tool_result"),
    ...blocks.filter(({ type }) => type !== "tool_result"),
  ];
}

function writeUserPart(part: UserPart, losses: Losses): RequestBlock[] {
  return part.type === "tool-result" ? [writeResult(part, losses)] : writeSaid(part, losses);
}

function writeSaid(part: TextPart | MediaPart, losses: Losses): ResultBlock[] {
  if (part.type === "text") return writeText(part);
  if (part.detail !== undefined && part.detail !== "auto") losses.dropIn(part, "media.detail");
  return [{ ...writeMedia(part, losses), ...cacheBreakpoint(part.cache) }];
}

function writeResult(result: ToolResultPart, losses: Losses): RequestBlock {
  const { id, parts, isError, cache } = result;
  if (id === "")
    throw untranslatable(losses.pathIn(result, "tool-result.id"), "a tool's result needs the id of its call");
  const content = parts.flatMap((part) => writeSaid(part, losses));
  return {
    type: "tool_result",
    tool_use_id: toolUseId(id),
    ...(isError ? { is_error: true } : {}),
    ...(content.length === 0 ? {} : { content }),
    ...cacheBreakpoint(cache),
  };
}

function writeAssistantPart(part: AssistantPart, losses: Losses): RequestBlock[] {
  switch (part.type) {
    case "text":
      return writeText(part);
    case "refusal":
      return writeText({ type: "text", text: part.text });
    case "thinking":
      // Claude takes back only what it signed: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking
      if (part.signature !== undefined && part.signature !== "") {
        return [{ type: "thinking", thinking: part.text, signature: part.signature }];
      }
      losses.dropIn(part);
      return [];
    case "redacted-thinking":
      return [{ type: "redacted_thinking", data: part.data }];
    case "tool-call":
      return [writeCall(part, losses)];
    default:
      losses.dropIn(part);
      return [];
  }
}

function writeCall(call: ToolCallPart, losses: Losses): RequestBlock {
  const { id, name, arguments: json, cache } = call;
  if (id === "") throw untranslatable(losses.pathIn(call, "tool-call.id"), "a tool call needs an id");
  const input = parseArguments(json);
  if (input === undefined) {
    throw untranslatable(
      losses.pathIn(call, "tool-call.arguments"),
      `those of ${JSON.stringify(id)} are no JSON object`,
    );
  }
  return { type: "tool_use", id: toolUseId(id), name, input, ...cacheBreakpoint(cache) };
}

/** The arguments of a call as an object; undefined when they are none. */
function parseArguments(json: string): object | undefined {
  if (isBlank(json)) return {};
  try {
    const parsed: unknown = JSON.parse(json);
    return isRecord(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** Ids of other vendors' calls may hold characters that Claude refuses; call and result are changed alike. */
function toolUseId(id: string): string {
  return id.replaceAll(/[^a-zA-Z0-9_-]/g, "_");
}

function isBlank(text: string): boolean {
  return text.trim() === "";
}
