/**
 * What a model thought, as chat callers get it and send it back: `reasoning_content` is the text, for people to read, and
 * `thinking_blocks` are what a vendor must be given back to go on from (signed thinking, and what only it can read). Callers also
 * send parts of type `thinking` and `redacted_thinking` in the content.
 */
import type { AnswerPart } from "../answer.ts";
import type { Reasoning, RedactedThinkingPart, ThinkingPart } from "../conversation.ts";
import { malformed } from "../losses.ts";
import { flag, integer, isRecord, type JsonRecord, list, record, requiredRecord, requiredText, text } from "../read.ts";
import { cacheControl } from "./content.ts";

/** Reads `thinking` and `reasoning_effort` of a request, undefined where neither is said. */
export function readReasoning(document: JsonRecord): Reasoning | undefined {
  const effort = text(document["reasoning_effort"], "reasoning_effort");
  const thinking = record(document["thinking"], "thinking");
  if (thinking === undefined && effort === undefined) return undefined;
  return {
    type: thinking === undefined ? undefined : readType(thinking["type"]),
    budgetTokens: integer(thinking?.["budget_tokens"], "thinking.budget_tokens"),
    effort,
    includeThoughts: flag(thinking?.["includeThoughts"], "thinking.includeThoughts"),
    display: text(thinking?.["display"], "thinking.display"),
  };
}

function readType(type: unknown): Reasoning["type"] {
  if (type === "enabled" || type === "disabled" || type === "adaptive") return type;
  throw malformed("thinking.type", 'must be "enabled", "disabled" or "adaptive"');
}

/** Reads a part or block of thinking, in the words of chat parts or of Anthropic's blocks. */
export function readThinkingPart(part: JsonRecord, path: string): ThinkingPart | RedactedThinkingPart {
  if (part["type"] === "redacted_thinking") {
    const data = part["data"] ?? part["redactedContent"];
    return { type: "redacted-thinking", data: requiredText(data, `${path}.data`), path };
  }
  return {
    type: "thinking",
    text: text(part["thinking"], `${path}.thinking`) ?? text(part["text"], `${path}.text`) ?? "",
    signature: text(part["signature"], `${path}.signature`) || undefined,
    cache: cacheControl(part, path),
    path,
  };
}

/** Reads the thinking that stands beside the content of an assistant's message. */
export function readThinkingOf(message: JsonRecord, path: string): (ThinkingPart | RedactedThinkingPart)[] {
  const blocks = readBlocks(message["thinking_blocks"], `${path}.thinking_blocks`);
  const reasoning = readReasoningContent(message["reasoning_content"], `${path}.reasoning_content`);
  if (blocks.length === 0) return reasoning;
  const [first] = reasoning;
  const signed = blocks.findIndex(({ type }) => type === "thinking");
  const isTextElsewhere = blocks.every((block) => block.type !== "thinking" || block.text === "");
  if (first?.type !== "thinking" || signed < 0 || !isTextElsewhere) return blocks;
  // Gathered from a stream of another gateway's, in which only the signature comes as a block.
  return blocks.map((block, index) => (index === signed ? { ...block, text: first.text } : block));
}

function readBlocks(value: unknown, path: string): (ThinkingPart | RedactedThinkingPart)[] {
  return (list(value, path) ?? []).map((block, index) =>
    readThinkingPart(requiredRecord(block, `${path}[${index}]`), `${path}[${index}]`),
  );
}

/** A text, blocks, or the object that Envoy AI Gateway answers with for Claude. */
function readReasoningContent(value: unknown, path: string): (ThinkingPart | RedactedThinkingPart)[] {
  if (Array.isArray(value)) return readBlocks(value, path);
  if (!isRecord(value)) {
    const thought = text(value, path) ?? "";
    return thought === "" ? [] : [{ type: "thinking", text: thought, signature: undefined, path }];
  }
  const content = record(value["reasoningContent"], `${path}.reasoningContent`) ?? value;
  if (content["redactedContent"] !== undefined) {
    return [readThinkingPart({ ...content, type: "redacted_thinking" }, `${path}.reasoningContent`)];
  }
  const reasoningPath = `${path}.reasoningContent.reasoningText`;
  const reasoning = record(content["reasoningText"], reasoningPath);
  return reasoning === undefined ? [] : [readThinkingPart(reasoning, reasoningPath)];
}

/** A block of `thinking_blocks`; undefined for thinking without signature, which no vendor wants back. */
export function writeThinkingBlock(part: AnswerPart): object | undefined {
  if (part.type === "redacted-thinking") return { type: "redacted_thinking", data: part.data };
  if (part.type !== "thinking" || part.signature === undefined || part.signature === "") return undefined;
  return { type: "thinking", thinking: part.text, signature: part.signature };
}
