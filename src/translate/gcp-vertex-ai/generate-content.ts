import type { HeaderMap } from "../../wire/headers.ts";
import { KeySet, type ScannedObject, scanObject } from "../../wire/json-scan.ts";
import type { EventCursor } from "../../wire/sse.ts";
import { holds, nonEmptyString } from "../answer-json.ts";
import { statusName } from "../conversation/generate-content/error.ts";
import { isRecord } from "../conversation/read.ts";
import { errorText } from "../error-text.ts";
import { orAsJsonArray } from "../json-array.ts";
import { jsonAnswer, parseJson } from "../json-body.ts";
import { type AnswerReader, Passthrough } from "../passthrough.ts";
import { emptyFacts, type ResponsePatch, type TranslatorFactory } from "../translator.ts";
import { errorIn, vendorError } from "./error.ts";
import { modelPath } from "./path.ts";
import { readUsage, updateUsage } from "./usage.ts";

/**
 * Gemini's own API to a backend that speaks it: https://ai.google.dev/api/generate-content
 *
 * Streams are always asked for as server-sent events.
 */
export const generateContent: TranslatorFactory = orAsJsonArray((context) => {
  const reader = new GenerateContentReader();
  return new Passthrough(context, {
    path: (_, model) =>
      modelPath({ context, model }, reader.isStream ? "streamGenerateContent?alt=sse" : "generateContent"),
    edit: () => undefined,
    reader,
    wrapError,
  });
});

const KEYS = new KeySet(["candidates", "promptFeedback", "usageMetadata", "modelVersion", "error"]);
const FINISH_REASON = Buffer.from('"finishReason"');

class GenerateContentReader implements AnswerReader {
  readonly facts = emptyFacts();
  isStream = false;

  begin({ stream }: { readonly stream: boolean }): void {
    this.isStream = stream;
  }

  readWhole(body: Uint8Array): ResponsePatch {
    const scanned = scanObject(body, KEYS);
    this.#read(scanned);
    if (holds(scanned, "candidates") || !holds(scanned, "error")) {
      this.facts.state = "complete";
      return {};
    }
    return { status: 502 };
  }

  readEvent(event: EventCursor): boolean {
    const scanned = scanObject(event.data(), KEYS);
    this.#read(scanned);
    if (this.facts.state === "open" && isFinished(scanned)) this.facts.state = "complete";
    return true;
  }

  #read(scanned: ScannedObject): void {
    this.facts.responseModel = nonEmptyString(scanned.string("modelVersion")) ?? this.facts.responseModel;
    updateUsage(this.facts.usage, readUsage(scanned.json("usageMetadata")));
    if (!holds(scanned, "error")) return;
    const error = scanned.json("error");
    this.facts.state = "failed";
    this.facts.errorType = isRecord(error) ? vendorError(error, undefined).type : "error";
  }
}

/** Whether an event has a candidate's last part, or tells that the prompt is blocked. */
function isFinished(scanned: ScannedObject): boolean {
  if (holds(scanned, "promptFeedback")) {
    const feedback = scanned.json("promptFeedback");
    if (isRecord(feedback) && nonEmptyString(feedback["blockReason"]) !== undefined) return true;
  }
  if (scanned.kind("candidates") !== "array") return false;
  const bytes = Buffer.from(scanned.bytes.buffer, scanned.bytes.byteOffset, scanned.bytes.byteLength);
  const at = bytes.indexOf(FINISH_REASON, scanned.start("candidates"));
  if (at === -1 || at > scanned.end("candidates")) return false;
  // The same text may stand in an answer.
  const candidates = scanned.json("candidates");
  return Array.isArray(candidates) && candidates.some((each) => isRecord(each) && nonEmptyString(each["finishReason"]));
}

/** Leaves an error of Google's as it is but for the array that streams have around it; anything else becomes one. */
function wrapError(status: number, headers: HeaderMap, body: Uint8Array): ResponsePatch {
  const error = errorIn(parseJson(body));
  if (error !== undefined) return jsonAnswer({ error });
  return jsonAnswer({
    error: { code: status, message: errorText(status, headers, body), status: statusName(status) },
  });
}
