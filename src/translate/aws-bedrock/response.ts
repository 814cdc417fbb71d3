import { GatewayError } from "../../errors/gateway-error.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import { nonEmptyString } from "../answer-json.ts";
import type { Answer, AnswerPart } from "../conversation/answer.ts";
import type { BackendTarget } from "../conversation/codec.ts";
import { isRecord, type JsonRecord } from "../conversation/read.ts";
import { readCitation } from "./citations.ts";
import { readStopReason } from "./finish-reason.ts";
import { readUsage } from "./usage.ts";

/** Reads a whole answer: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html */
export function readAnswer(body: Uint8Array, headers: HeaderMap, target: BackendTarget): Answer {
  const document = parseObject(body);
  const message = inner(inner(document, "output"), "message");
  const content = message["content"];
  if (!Array.isArray(content)) throw invalid("the provider's answer holds no message");
  const more = inner(document, "additionalModelResponseFields");
  const trace = document["trace"];
  const choice = {
    parts: content.flatMap(readBlock),
    stopReason: readStopReason(document["stopReason"]),
    vendorReason: nonEmptyString(document["stopReason"]),
    stopSequence: nonEmptyString(more["stop_sequence"]),
    logprobs: undefined,
    extensions: {},
  };
  return {
    id: headers.get("x-amzn-requestid") ?? "",
    // A prompt router tells which model it chose.
    model: nonEmptyString(inner(inner(document, "trace"), "promptRouter")["invokedModelId"]) ?? target.model,
    createdAt: undefined,
    choices: [choice],
    usage: readUsage(document["usage"]),
    serviceTier: nonEmptyString(inner(document, "serviceTier")["type"]),
    extensions: isRecord(trace) ? { trace } : {},
  };
}

/** Redacted thoughts are text that Bedrock wraps in base64 as any blob; unwrapped they are what Anthropic's own API has. */
export function readRedacted(blob: string): string {
  return Buffer.from(blob, "base64").toString();
}

/** A block of the answer. The union's member is the one key that the block has. */
function readBlock(block: unknown): readonly AnswerPart[] {
  if (!isRecord(block)) return [];
  const { text, toolUse, reasoningContent, citationsContent } = block;
  if (typeof text === "string") return [{ type: "text", text }];
  if (isRecord(toolUse) && toolUse["type"] !== "server_tool_use") return [readToolUse(toolUse)];
  if (isRecord(reasoningContent)) return readReasoning(reasoningContent);
  if (isRecord(citationsContent)) return [readCited(citationsContent)];
  return [{ type: "vendor", block }];
}

function readToolUse(toolUse: JsonRecord): AnswerPart {
  return {
    type: "tool-call",
    id: nonEmptyString(toolUse["toolUseId"]) ?? "",
    name: nonEmptyString(toolUse["name"]) ?? "",
    arguments: JSON.stringify(toolUse["input"] ?? {}),
  };
}

function readReasoning({ reasoningText, redactedContent }: JsonRecord): readonly AnswerPart[] {
  if (typeof redactedContent === "string") return [{ type: "redacted-thinking", data: readRedacted(redactedContent) }];
  if (!isRecord(reasoningText)) return [];
  const { text, signature } = reasoningText;
  return [{ type: "thinking", text: typeof text === "string" ? text : "", signature: nonEmptyString(signature) }];
}

function readCited({ content, citations }: JsonRecord): AnswerPart {
  const pieces: readonly unknown[] = Array.isArray(content) ? content : [];
  const texts = pieces.map((piece) => (isRecord(piece) && typeof piece["text"] === "string" ? piece["text"] : ""));
  const annotations = Array.isArray(citations) ? citations.flatMap(readCitation) : [];
  return { type: "text", text: texts.join(""), annotations };
}

function parseObject(body: Uint8Array): JsonRecord {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
  } catch (error) {
    throw invalid("the provider's answer is not a whole JSON object", error);
  }
  if (!isRecord(document)) throw invalid("the provider's answer is not a whole JSON object");
  return document;
}

function inner(document: JsonRecord, key: string): JsonRecord {
  const value = document[key];
  return isRecord(value) ? value : {};
}

function invalid(message: string, cause?: unknown): GatewayError {
  return new GatewayError("upstream_invalid", message, { cause });
}
