import { GatewayError } from "../errors/gateway-error.ts";
import { KeySet } from "../wire/json-scan.ts";
import type { Endpoint, ParsedRequest } from "./endpoint.ts";
import { type BodyRules, parseRequest } from "./parse-request.ts";

const RULES: BodyRules = {
  suffix: "/v1/messages/count_tokens",
  // All but the model are edited on the way to other hosts of Claude.
  keys: new KeySet(["model", "stream", "max_tokens", "anthropic_version", "anthropic_beta"]),
  streams: false,
  output: undefined,
};

/** Counting the tokens of a message: https://docs.anthropic.com/en/api/messages-count-tokens */
export const COUNT_TOKENS: Endpoint = {
  name: "count-tokens",
  operation: "count_tokens",
  paths: ["/anthropic/v1/messages/count_tokens", "/v1/messages/count_tokens"],
  method: "POST",
  dialect: "anthropic",
  // https://platform.claude.com/docs/en/build-with-claude/token-counting#pricing-and-rate-limits
  metering: "free",
  parse: parseCountTokens,
};

function parseCountTokens(body: Uint8Array, contentType: string | undefined): ParsedRequest {
  const parsed = parseRequest(RULES, body, contentType);
  if (parsed.model !== "") return parsed;
  throw new GatewayError("invalid_request", "invalid request body: model field is required");
}
