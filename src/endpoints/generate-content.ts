import { KeySet, type ScannedObject, scanObject } from "../wire/json-scan.ts";
import type { Endpoint, ParsedRequest } from "./endpoint.ts";
import { modelIn } from "./model-in-path.ts";
import { type BodyRules, type OutputAsked, type OutputRules, parseRequest, readOutput } from "./parse-request.ts";

/** https://ai.google.dev/api/generate-content#generationconfig */
const CONFIG = "generationConfig";
const RULES: BodyRules = {
  suffix: "generateContent",
  keys: new KeySet(["model", CONFIG]),
  streams: false,
  output: undefined,
};
const OUTPUT: OutputRules = {
  caps: ["maxOutputTokens", "max_output_tokens"],
  copies: ["candidateCount", "candidate_count"],
};
const NOTHING_ASKED: OutputAsked = { answers: 1, outputTokensMax: undefined };
const OUTPUT_KEYS = new KeySet([...OUTPUT.caps, ...OUTPUT.copies]);

const WHOLE = ["/v1beta/models/{model}:generateContent", "/v1/models/{model}:generateContent"];
const STREAMED = ["/v1beta/models/{model}:streamGenerateContent", "/v1/models/{model}:streamGenerateContent"];

/** Gemini's own API: https://ai.google.dev/api/generate-content */
export const GENERATE_CONTENT: Endpoint = {
  name: "generate-content",
  operation: "generate_content",
  paths: [...WHOLE, ...STREAMED],
  method: "POST",
  dialect: "gemini",
  metering: "tokens",
  parse: parseGenerateContent,
};

/** The path has the model and tells a stream; a stream is an array of events unless the query asks for `alt=sse`. */
function parseGenerateContent(body: Uint8Array, contentType: string | undefined, target: string): ParsedRequest {
  const { scanned } = parseRequest(RULES, body, contentType);
  const [path = "", query = ""] = target.split("?", 2);
  const streamed = modelOf(path, STREAMED);
  const model = streamed ?? modelOf(path, WHOLE) ?? "";
  const stream = streamed !== undefined;
  const asJsonArray = stream && !query.split("&").includes("alt=sse");
  return { model, stream, includeUsage: true, asJsonArray, ...outputOf(scanned), scanned };
}

function outputOf(scanned: ScannedObject): OutputAsked {
  if (scanned.kind(CONFIG) !== "object") return NOTHING_ASKED;
  const config = scanned.bytes.subarray(scanned.start(CONFIG), scanned.end(CONFIG));
  try {
    return readOutput(OUTPUT, scanObject(config, OUTPUT_KEYS));
  } catch {
    // Given twice, or in two cases: which one counts is the provider's to say, and so is that it is wrong.
    return NOTHING_ASKED;
  }
}

function modelOf(path: string, patterns: readonly string[]): string | undefined {
  for (const pattern of patterns) {
    const model = modelIn(path, pattern);
    if (model !== undefined) return model;
  }
  return undefined;
}
