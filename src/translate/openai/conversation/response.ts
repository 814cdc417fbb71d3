import { isUtf8 } from "node:buffer";
import { GatewayError } from "../../../errors/gateway-error.ts";
import { emptyUsage } from "../../../usage/token-usage.ts";
import { nonEmptyString } from "../../answer-json.ts";
import type { Answer, AnswerPart, Choice } from "../../conversation/answer.ts";
import { isRecord, type JsonRecord } from "../../conversation/read.ts";
import { parseRecord } from "../../json-body.ts";
import { noteCompletionUsage } from "../usage.ts";
import { errorOf } from "./error.ts";
import { readStopReason } from "./finish-reason.ts";
import { callsOf, records, textOf, thoughtsOf } from "./said.ts";

/**
 * Reads a whole chat completion: https://platform.openai.com/docs/api-reference/chat/object
 *
 * @throws GatewayError `upstream_invalid` for what is none, an error document with a 2xx status among it.
 */
export function readAnswer(body: Uint8Array, newId: () => string): Answer {
  const document = isUtf8(body) ? parseRecord(body) : undefined;
  if (document === undefined) {
    throw new GatewayError("upstream_invalid", "the provider's answer is not a whole JSON object");
  }
  const { choices } = document;
  if (!Array.isArray(choices)) {
    const error = errorOf(document, 502);
    const message = error?.message ?? "the provider's answer is not a chat completion";
    throw new GatewayError(error?.status === 429 ? "rate_limited" : "upstream_invalid", message);
  }
  const usage = emptyUsage();
  if (isRecord(document["usage"])) noteCompletionUsage(document["usage"], usage);
  const { created } = document;
  return {
    id: nonEmptyString(document["id"]) ?? "",
    model: nonEmptyString(document["model"]) ?? "",
    createdAt: typeof created === "number" ? created : undefined,
    choices: records(choices).map((choice) => readChoice(choice, newId)),
    usage,
    serviceTier: nonEmptyString(document["service_tier"]),
    extensions: {},
  };
}

function readChoice(choice: JsonRecord, newId: () => string): Choice {
  const message = isRecord(choice["message"]) ? choice["message"] : {};
  const reason = choice["finish_reason"];
  const parts = readParts(message, newId);
  const calls = parts.some(({ type }) => type === "tool-call");
  const refuses = parts.some(({ type }) => type === "refusal");
  return {
    parts,
    stopReason: readStopReason(reason, { calls, refuses }),
    vendorReason: nonEmptyString(reason),
    stopSequence: undefined,
    logprobs: choice["logprobs"] ?? undefined,
    extensions: {},
  };
}

/** Thoughts come before what was said, and calls after it. */
function readParts(message: JsonRecord, newId: () => string): AnswerPart[] {
  const parts: AnswerPart[] = readThoughts(message);
  const text = textOf(message);
  const annotations = records(message["annotations"]);
  if (text !== "") parts.push({ type: "text", text, ...(annotations.length === 0 ? {} : { annotations }) });
  const refusal = nonEmptyString(message["refusal"]);
  if (refusal !== undefined) parts.push({ type: "refusal", text: refusal });
  for (const { id, name, arguments: args, signature } of callsOf(message)) {
    parts.push({ type: "tool-call", id: id === "" ? `call_${newId()}` : id, name, arguments: args, signature });
  }
  return parts;
}

function readThoughts(message: JsonRecord): AnswerPart[] {
  const parts: AnswerPart[] = [];
  for (const { text, signature, data } of thoughtsOf(message)) {
    const before = parts.at(-1);
    if (data !== undefined) parts.push({ type: "redacted-thinking", data });
    else if (text !== "" || before?.type !== "thinking") parts.push({ type: "thinking", text, signature });
    else parts[parts.length - 1] = { ...before, signature: signature ?? before.signature };
  }
  return parts;
}
