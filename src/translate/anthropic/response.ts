import type { AnsweredMessage } from "../../apischema/anthropic/message.ts";
import { GatewayError } from "../../errors/gateway-error.ts";
import { emptyUsage } from "../../usage/token-usage.ts";
import type { Answer, AnswerPart } from "../conversation/answer.ts";
import { isRecord, type JsonRecord } from "../conversation/read.ts";
import { parseJson } from "../json-body.ts";
import { errorIn } from "./error.ts";
import { readStopReason } from "./finish-reason.ts";
import { MessageUsageReader } from "./usage.ts";

/**
 * Reads a whole message: https://docs.anthropic.com/en/api/messages
 *
 * @throws GatewayError `upstream_invalid` for anything else, an error that came with a 2xx status included.
 */
export function readMessage(body: Uint8Array): Answer {
  const document = parseJson(body);
  if (!isRecord(document) || !Array.isArray(document["content"])) throw noMessage(document);
  const { id, model, stop_reason, stop_sequence, stop_details, usage } = document as AnsweredMessage;
  const counted = emptyUsage();
  if (isRecord(usage)) new MessageUsageReader(counted).add(usage);
  const content: readonly unknown[] = document["content"];
  return {
    id: typeof id === "string" ? id : "",
    model: typeof model === "string" ? model : "",
    createdAt: undefined,
    choices: [
      {
        parts: content.filter(isRecord).map(readBlock),
        stopReason: readStopReason(stop_reason),
        vendorReason: typeof stop_reason === "string" ? stop_reason : undefined,
        stopSequence: typeof stop_sequence === "string" ? stop_sequence : undefined,
        logprobs: undefined,
        extensions: isRecord(stop_details) ? { stop_details } : {},
      },
    ],
    usage: counted,
    serviceTier: isRecord(usage) && typeof usage["service_tier"] === "string" ? usage["service_tier"] : undefined,
    extensions: {},
  };
}

/** A block of the answer; what is of a newer type stays the vendor's. */
function readBlock(block: JsonRecord): AnswerPart {
  switch (block["type"]) {
    case "text":
      return { type: "text", text: stringIn(block, "text") };
    case "thinking":
      return {
        type: "thinking",
        text: stringIn(block, "thinking"),
        signature: stringIn(block, "signature") || undefined,
      };
    case "redacted_thinking":
      return { type: "redacted-thinking", data: stringIn(block, "data") };
    case "tool_use":
      return {
        type: "tool-call",
        id: stringIn(block, "id"),
        name: stringIn(block, "name"),
        arguments: JSON.stringify(block["input"] ?? {}),
      };
    default:
      return { type: "vendor", block };
  }
}

/** A string of the vendor's, "" when it is missing or none. */
export function stringIn(object: JsonRecord, key: string): string {
  const value = object[key];
  return typeof value === "string" ? value : "";
}

function noMessage(document: unknown): GatewayError {
  const error = errorIn(document);
  const what = error === undefined ? "is not a message" : `is an error: ${error.type}: ${error.message}`;
  return new GatewayError("upstream_invalid", `the provider's answer ${what}`);
}
