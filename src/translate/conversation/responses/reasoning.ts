/**
 * What a model thought, as callers of responses get it and send it back: an item of type `reasoning`, whose summary is the text
 * for people to read, and whose `encrypted_content` is what the vendor must be given back to go on from. That is opaque to
 * callers, so that a word of ours before it can say what it is; what has none was encrypted by OpenAI, and nobody else can use it.
 * https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items
 */
import type { Reasoning, RedactedThinkingPart, ThinkingPart } from "../conversation.ts";
import { type JsonRecord, list, record, requiredRecord, requiredText, text } from "../read.ts";

const SIGNED = "thinking:";
const REDACTED = "redacted_thinking:";

/** Reads `reasoning`, undefined where nothing is said: https://platform.openai.com/docs/api-reference/responses/create#responses-create-reasoning */
export function readReasoning(document: JsonRecord): Reasoning | undefined {
  const reasoning = record(document["reasoning"], "reasoning");
  if (reasoning === undefined) return undefined;
  const effort = text(reasoning["effort"], "reasoning.effort");
  const summary =
    text(reasoning["summary"], "reasoning.summary") ??
    text(reasoning["generate_summary"], "reasoning.generate_summary");
  if (effort === undefined && summary === undefined) return undefined;
  return {
    type: undefined,
    budgetTokens: undefined,
    effort,
    includeThoughts: summary === undefined ? undefined : true,
    display: undefined,
  };
}

/** An item of reasoning as it was read. */
export interface ReadReasoning {
  /** Undefined for one that says nothing. */
  readonly part: ThinkingPart | RedactedThinkingPart | undefined;
  /** Encrypted content that is OpenAI's. */
  readonly unread: string | undefined;
}

/** Reads an item of reasoning that an earlier answer held. */
export function readReasoningItem(item: JsonRecord, path: string): ReadReasoning {
  const sealed = text(item["encrypted_content"], `${path}.encrypted_content`) ?? "";
  if (sealed.startsWith(REDACTED)) {
    return { part: { type: "redacted-thinking", data: sealed.slice(REDACTED.length), path }, unread: undefined };
  }
  const summary = readTexts(item["summary"], `${path}.summary`);
  const thought = summary === "" ? readTexts(item["content"], `${path}.content`) : summary;
  const signature = sealed.startsWith(SIGNED) ? sealed.slice(SIGNED.length) : undefined;
  return {
    part: thought === "" && signature === undefined ? undefined : { type: "thinking", text: thought, signature, path },
    unread: signature === undefined && sealed !== "" ? sealed : undefined,
  };
}

function readTexts(value: unknown, path: string): string {
  const parts = list(value, path) ?? [];
  return parts
    .map((part, index) => requiredText(requiredRecord(part, `${path}[${index}]`)["text"], `${path}[${index}].text`))
    .join("\n\n");
}

/** What an item of reasoning gives to be sent back; undefined for thinking without signature, which no vendor wants back. */
export function encryptedContent(signature: string | undefined): string | undefined {
  return signature === undefined || signature === "" ? undefined : SIGNED + signature;
}

/** The same of thinking that only its vendor can read. */
export function encryptedRedacted(data: string): string {
  return REDACTED + data;
}
