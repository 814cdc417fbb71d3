import type { ParsedRequest } from "../../endpoints/endpoint.ts";
import { KeySet, type ScannedObject, scanObject } from "../../wire/json-scan.ts";
import { setField, splice } from "../../wire/json-splice.ts";
import { overrideModel } from "../passthrough.ts";

const MODEL_KEYS = new KeySet(["model"]);
const OPTIONS_KEYS = new KeySet(["include_usage"]);

/**
 * Edits a request so that it names the backend's model and, when streamed, asks for usage: what is used is counted
 * whether or not the caller wants to know. Other stream options stay.
 * https://platform.openai.com/docs/api-reference/chat/create#chat-create-stream_options
 */
export function overrideModelAndAskUsage(
  body: ParsedRequest,
  modelOverride: string | undefined,
): Uint8Array | undefined {
  if (!body.stream || body.includeUsage) return overrideModel(body, modelOverride);
  const { scanned } = body;
  const asked = setField(scanned, "stream_options", streamOptions(scanned));
  if (modelOverride === undefined || modelOverride === body.model) return asked;
  const model = JSON.stringify(modelOverride);
  // What stands before the first edit is where it was, so that most bodies need no second scan.
  const isBefore =
    scanned.has("model") &&
    (!scanned.has("stream_options") || scanned.start("model") < scanned.start("stream_options"));
  return isBefore
    ? splice(asked, scanned.start("model"), scanned.end("model"), model)
    : setField(scanObject(asked, MODEL_KEYS), "model", model);
}

function streamOptions(scanned: ScannedObject): string {
  if (scanned.kind("stream_options") !== "object") return '{"include_usage":true}';
  const bytes = scanned.bytes.subarray(scanned.start("stream_options"), scanned.end("stream_options"));
  return Buffer.from(setField(scanObject(bytes, OPTIONS_KEYS), "include_usage", "true")).toString();
}
