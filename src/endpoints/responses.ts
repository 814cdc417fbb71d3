import { KeySet } from "../wire/json-scan.ts";
import type { Endpoint } from "./endpoint.ts";
import { type BodyRules, parseRequest } from "./parse-request.ts";

const RULES: BodyRules = {
  suffix: "/v1/responses",
  keys: new KeySet(["model", "stream", "max_output_tokens"]),
  streams: true,
  output: { caps: ["max_output_tokens"], copies: [] },
};

/** Responses: https://platform.openai.com/docs/api-reference/responses/create */
export const RESPONSES: Endpoint = {
  name: "responses",
  operation: "responses",
  paths: ["/v1/responses"],
  method: "POST",
  dialect: "openai",
  metering: "tokens",
  parse: (body, contentType) => parseRequest(RULES, body, contentType),
};
