import { type Case, type Group, UPSTREAM_PORT } from "../case.ts";
import { apiKey, backend, CHAT, chat, MESSAGES, route, upstream } from "../configs.ts";

const OVERRIDE_OR_CONFIGURED = `  credentialOverride: { fromRequestHeaders: {} }
`;
const OVERRIDE_ONLY = `  credentialOverride: { fromRequestHeaders: { header: X-My-Key, fallbackToConfigured: false } }
`;

const names = ["openai", "anthropic", "azure", "overridable", "own-key"];
const rules = names
  .map(
    (name) => `
    - matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: ${name} }]
      backendRefs: [{ name: ${name} }]`,
  )
  .join("");

const CONFIG = `${route("keys", rules)}
${backend("openai", "{ name: OpenAI }")}
${backend("anthropic", "{ name: Anthropic }")}
${backend("azure", '{ name: AzureOpenAI, version: "1" }')}
${backend("overridable", "{ name: OpenAI }")}
${backend("own-key", "{ name: OpenAI }")}
${upstream(UPSTREAM_PORT)}
${apiKey("openai", "sk-openai", { type: "APIKey", field: "apiKey" })}
${apiKey("anthropic", "sk-anthropic", { type: "AnthropicAPIKey", field: "anthropicAPIKey" })}
${apiKey("azure", "sk-azure", { type: "AzureAPIKey", field: "azureAPIKey" })}
${apiKey("overridable", "sk-configured", { type: "APIKey", field: "apiKey", more: OVERRIDE_OR_CONFIGURED })}
${apiKey("own-key", "sk-configured", { type: "APIKey", field: "apiKey", more: OVERRIDE_ONLY })}`;

const OWN = {
  authorization: "Bearer caller",
  "x-api-key": "caller",
  "api-key": "caller",
  cookie: "session=caller",
  "x-aigw-other": "caller",
};
const NONE = { authorization: undefined, "x-api-key": undefined, "api-key": undefined, cookie: undefined };

function credential(name: string, model: string, headers: Record<string, string>, want: object): Case {
  return {
    name,
    config: CONFIG,
    request: { path: model === "anthropic" ? MESSAGES : CHAT, headers, body: chat(model) },
    want: { status: 200, upstream: { headers: { ...NONE, "x-aigw-other": undefined, ...want } } },
  };
}

/** Whose credentials reach the provider. */
export const CREDENTIALS: Group = {
  name: "credentials",
  cases: [
    credential("an API key goes as a bearer token", "openai", {}, { authorization: "Bearer sk-openai" }),
    credential("an Anthropic key goes as x-api-key", "anthropic", {}, { "x-api-key": "sk-anthropic" }),
    credential("an Azure key goes as api-key", "azure", {}, { "api-key": "sk-azure" }),
    credential("the caller's credentials do not reach OpenAI", "openai", OWN, { authorization: "Bearer sk-openai" }),
    credential("the caller's credentials do not reach Anthropic", "anthropic", OWN, { "x-api-key": "sk-anthropic" }),
    credential("the caller's credentials do not reach Azure", "azure", OWN, { "api-key": "sk-azure" }),
    credential(
      "a credential override replaces the configured key and its header goes no further",
      "overridable",
      { "x-aigw-api-key": " sk-mine " },
      { authorization: "Bearer sk-mine", "x-aigw-api-key": undefined },
    ),
    credential(
      "without the override's header the configured key is used",
      "overridable",
      {},
      { authorization: "Bearer sk-configured" },
    ),
    credential(
      "the override's header can have another name",
      "own-key",
      { "x-my-key": "sk-mine" },
      { authorization: "Bearer sk-mine", "x-my-key": undefined },
    ),
    {
      name: "without the override's header and without a fallback the caller is told what is missing",
      config: CONFIG,
      request: { path: CHAT, body: chat("own-key") },
      want: {
        status: 401,
        upstream: null,
        body: '{"type":"error","error":{"type":"Unauthorized","code":"401","message":"missing upstream credential"}}',
        log: { status: 401, "error.type": "unauthorized" },
      },
    },
    {
      name: "another backend's override header goes no further and changes nothing",
      config: CONFIG,
      request: { path: CHAT, headers: { "x-aigw-api-key": "sk-mine" }, body: chat("openai") },
      want: {
        status: 200,
        upstream: { headers: { authorization: "Bearer sk-openai", "x-aigw-api-key": undefined } },
      },
    },
  ],
};
