import { KeySet } from "../wire/json-scan.ts";
import type { Endpoint } from "./endpoint.ts";
import { type BodyRules, parseRequest } from "./parse-request.ts";

const RULES: BodyRules = {
  suffix: "/v1/responses/input_tokens",
  keys: new KeySet(["model"]),
  streams: false,
  output: undefined,
};

/** Counts the input tokens of a response: https://platform.openai.com/docs/api-reference/responses/input-tokens */
export const RESPONSES_INPUT_TOKENS: Endpoint = {
  name: "responses-input-tokens",
  operation: "responses_input_tokens",
  paths: ["/v1/responses/input_tokens"],
  method: "POST",
  dialect: "openai",
  metering: "free",
  parse: (body, contentType) => parseRequest(RULES, body, contentType),
};
