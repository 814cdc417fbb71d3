import { KeySet } from "../wire/json-scan.ts";
import type { Endpoint } from "./endpoint.ts";
import { type BodyRules, parseRequest } from "./parse-request.ts";

const RULES: BodyRules = {
  suffix: "/v1/chat/completions",
  keys: new KeySet(["model", "stream", "stream_options", "n", "max_tokens", "max_completion_tokens"]),
  streams: true,
  output: { caps: ["max_completion_tokens", "max_tokens"], copies: ["n"] },
};

/** Chat completions: https://platform.openai.com/docs/api-reference/chat/create */
export const CHAT_COMPLETIONS: Endpoint = {
  name: "chat-completions",
  operation: "chat",
  paths: ["/v1/chat/completions"],
  method: "POST",
  dialect: "openai",
  metering: "tokens",
  parse: (body, contentType) => parseRequest(RULES, body, contentType),
};
