import { GatewayError } from "../errors/gateway-error.ts";
import { KeySet, type ScannedObject } from "../wire/json-scan.ts";
import type { Endpoint, ParsedRequest } from "./endpoint.ts";
import { type BodyRules, parseRequest } from "./parse-request.ts";

const RULES: BodyRules = {
  suffix: "/tokenize",
  keys: new KeySet(["model", "prompt", "messages", "add_generation_prompt", "continue_final_message"]),
  streams: false,
  output: undefined,
};

/** Tokens of a prompt or a chat, as vLLM counts them: https://docs.vllm.ai/en/latest/serving/openai_compatible_server/ */
export const TOKENIZE: Endpoint = {
  name: "tokenize",
  operation: "tokenize",
  paths: ["/tokenize"],
  method: "POST",
  dialect: "openai",
  metering: "free",
  parse: parseTokenize,
};

function parseTokenize(body: Uint8Array, contentType: string | undefined): ParsedRequest {
  const parsed = parseRequest(RULES, body, contentType);
  const { scanned } = parsed;
  if (parsed.model === "") throw invalid("model field is required");
  if (isGiven(scanned, "prompt") === isGiven(scanned, "messages")) {
    throw invalid("exactly one of 'prompt' and 'messages' is required");
  }
  // vLLM refuses the two together, though the first one's default is true.
  if (scanned.boolean("add_generation_prompt") === true && scanned.boolean("continue_final_message") === true) {
    throw invalid("'continue_final_message' cannot go with 'add_generation_prompt'");
  }
  return parsed;
}

function isGiven(scanned: ScannedObject, key: string): boolean {
  const kind = scanned.kind(key);
  return kind !== "absent" && kind !== "null";
}

function invalid(why: string): GatewayError {
  return new GatewayError("invalid_request", `malformed request: invalid tokenize request: ${why}`);
}
