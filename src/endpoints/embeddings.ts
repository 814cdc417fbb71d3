import { KeySet } from "../wire/json-scan.ts";
import type { Endpoint } from "./endpoint.ts";
import { type BodyRules, parseRequest } from "./parse-request.ts";

const RULES: BodyRules = { suffix: "/v1/embeddings", keys: new KeySet(["model"]), streams: false, output: undefined };

/** Embeddings: https://platform.openai.com/docs/api-reference/embeddings/create */
export const EMBEDDINGS: Endpoint = {
  name: "embeddings",
  operation: "embeddings",
  paths: ["/v1/embeddings"],
  method: "POST",
  dialect: "openai",
  metering: "tokens",
  parse: (body, contentType) => parseRequest(RULES, body, contentType),
};
