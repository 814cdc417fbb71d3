/** The configuration the client suites run with: both vendors, keys injected, models by name. */
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { apiKey, BACKENDS, route, STANDARD_RULES } from "../conformance/configs.ts";
import { type GatewayWithSimulator, type StartOptions, startWithSimulator } from "./start-gateway.ts";

const RULES = `
    - matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: simulated }]
      backendRefs: [{ name: openai }]${STANDARD_RULES}`;

const CONFIG = `${route("clients", RULES)}
${BACKENDS}
${apiKey("openai", "sk-upstream", { type: "APIKey", field: "apiKey" })}
${apiKey("anthropic", "sk-ant-upstream", { type: "AnthropicAPIKey", field: "anthropicAPIKey" })}`;

/** Starts a gateway for a client suite. */
export function startForClients(options: StartOptions = {}): Promise<GatewayWithSimulator> {
  return startWithSimulator((port) => CONFIG.replaceAll(UPSTREAM_PORT, String(port)), options);
}
