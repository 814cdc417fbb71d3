import { KeySet } from "../wire/json-scan.ts";
import type { Endpoint } from "./endpoint.ts";
import { type BodyRules, parseRequest } from "./parse-request.ts";

const RULES: BodyRules = { suffix: "/v2/rerank", keys: new KeySet(["model"]), streams: false, output: undefined };

/** Documents by how well they answer a query: https://docs.cohere.com/reference/rerank */
export const RERANK: Endpoint = {
  name: "rerank",
  operation: "rerank",
  paths: ["/cohere/v2/rerank", "/v2/rerank"],
  method: "POST",
  dialect: "openai",
  metering: "tokens",
  parse: (body, contentType) => parseRequest(RULES, body, contentType),
};
