import { KeySet } from "../wire/json-scan.ts";
import type { Endpoint } from "./endpoint.ts";
import { type BodyRules, parseRequest } from "./parse-request.ts";

const RULES: BodyRules = {
  suffix: "/v1/completions",
  keys: new KeySet(["model", "stream", "stream_options", "n", "best_of", "max_tokens", "prompt"]),
  streams: true,
  output: { caps: ["max_tokens"], copies: ["n", "best_of"], prompts: "prompt" },
};

/** Text completions: https://platform.openai.com/docs/api-reference/completions/create */
export const COMPLETIONS: Endpoint = {
  name: "completions",
  operation: "completion",
  paths: ["/v1/completions"],
  method: "POST",
  dialect: "openai",
  metering: "tokens",
  parse: (body, contentType) => parseRequest(RULES, body, contentType),
};
