import { GatewayError } from "../errors/gateway-error.ts";
import { KeySet } from "../wire/json-scan.ts";
import type { Endpoint, ParsedRequest } from "./endpoint.ts";
import { type BodyRules, parseRequest } from "./parse-request.ts";

const RULES: BodyRules = {
  suffix: "/v1/messages",
  // Two of them are no fields of Anthropic's own API, but edited on the way to other hosts of Claude.
  keys: new KeySet(["model", "stream", "max_tokens", "anthropic_version", "anthropic_beta"]),
  streams: true,
  output: { caps: ["max_tokens"], copies: [] },
};

/** Anthropic messages: https://docs.anthropic.com/en/api/messages */
export const MESSAGES: Endpoint = {
  name: "messages",
  operation: "messages",
  paths: ["/anthropic/v1/messages", "/v1/messages"],
  method: "POST",
  dialect: "anthropic",
  metering: "tokens",
  parse: parseMessages,
};

function parseMessages(body: Uint8Array, contentType: string | undefined): ParsedRequest {
  const parsed = parseRequest(RULES, body, contentType);
  if (parsed.model !== "") return parsed;
  throw new GatewayError("invalid_request", "invalid request body: model field is required");
}
