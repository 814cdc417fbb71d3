import { KeySet } from "../wire/json-scan.ts";
import type { Endpoint, ParsedRequest } from "./endpoint.ts";
import { modelIn } from "./model-in-path.ts";
import { type BodyRules, parseRequest } from "./parse-request.ts";

const RULES: BodyRules = { suffix: "generateContent", keys: new KeySet(["model"]), streams: false };

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
  return { model, stream, includeUsage: true, asJsonArray, scanned };
}

function modelOf(path: string, patterns: readonly string[]): string | undefined {
  for (const pattern of patterns) {
    const model = modelIn(path, pattern);
    if (model !== undefined) return model;
  }
  return undefined;
}
