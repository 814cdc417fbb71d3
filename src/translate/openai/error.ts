import type { OpenAIError } from "../../apischema/openai/error.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import type { ScannedObject } from "../../wire/json-scan.ts";
import { holds, nonEmptyString } from "../answer-json.ts";
import { errorText, isJsonError } from "../error-text.ts";
import { jsonAnswer } from "../json-body.ts";
import type { AnswerFacts, ResponsePatch } from "../translator.ts";

/** Leaves a JSON error as the provider sent it; anything else goes into the envelope that OpenAI's SDKs read. */
export function wrapOpenAIError(status: number, headers: HeaderMap, body: Uint8Array): ResponsePatch {
  if (isJsonError(headers, body)) return {};
  const message = errorText(status, headers, body);
  return jsonAnswer({ type: "error", error: { type: "OpenAIBackendError", code: String(status), message } });
}

/** Keys that {@link errorIn} looks at; part of the key set of every document that may be an error. */
export const ERROR_KEYS = ["error", "object", "type", "code"] as const;

/** The error a document reports, undefined when it reports none. Some servers send it bare: `{"object":"error",…}`. */
export function errorIn(scanned: ScannedObject): OpenAIError | undefined {
  if (holds(scanned, "error")) return scanned.json("error") as OpenAIError;
  if (scanned.string("object") !== "error") return undefined;
  return { type: scanned.json("type"), code: scanned.json("code") };
}

/** Notes an error that the provider reported inside a 2xx answer. */
export function failWith(facts: AnswerFacts, error: OpenAIError | undefined): void {
  facts.state = "failed";
  facts.errorType = error === undefined ? "error" : errorType(error);
}

/**
 * The status of an error document that came with a 2xx: its own where `code` is one (as some compatible servers have
 * it), else 502, so that no caller takes it for an answer.
 */
export function statusOfError({ code }: OpenAIError): number {
  return typeof code === "number" && Number.isInteger(code) && code >= 400 && code <= 599 ? code : 502;
}

function errorType(error: OpenAIError): string {
  const { type, code } = error;
  return nonEmptyString(type) ?? nonEmptyString(typeof code === "number" ? String(code) : code) ?? "error";
}
