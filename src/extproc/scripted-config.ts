/** For tests: configurations for the scripted Envoy, as users write them. */

/** Headers of a chat request. */
export const CHAT_HEAD = {
  ":method": "POST",
  ":path": "/v1/chat/completions?x=1",
  ":authority": "gateway.test",
  ":scheme": "http",
  "content-type": "application/json",
  "x-request-id": "r-1",
} as const;

/** Headers of a request for Anthropic's messages. */
export const MESSAGES_HEAD = { ...CHAT_HEAD, ":path": "/v1/messages" } as const;

/** A route that is called `main`. */
export function route(rules: string, more = "", name = "main"): string {
  return `---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: { name: ${name}, namespace: default }
spec:
  rules:${rules}
${more}`;
}

/** A rule for one model. */
export function rule(model: string, backendRefs: string, more = ""): string {
  return `
    - matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: "${model}" }]
      backendRefs: ${backendRefs}
${more}`;
}

/** The id of a backendRef of the route `main`. */
export function refId(backend: string, ruleIndex: number, index: number): string {
  return `default/${backend}/route/main/rule/${ruleIndex}/ref/${index}`;
}

function backend(name: string, schema: string, type: string, field: string): string {
  return `---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: { name: ${name}, namespace: default }
spec:
  schema: ${schema}
  backendRef: { name: upstream, kind: Backend, group: gateway.envoyproxy.io }
---
apiVersion: v1
kind: Secret
metadata: { name: ${name}-key, namespace: default }
stringData: { apiKey: key-of-${name} }
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: { name: ${name}-key, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: ${name} }]
  type: ${type}
  ${field}: { secretRef: { name: ${name}-key } }
`;
}

/** The backends `openai`, `azure` and `anthropic`, each with a key. */
export const BACKENDS = `${backend("openai", "{ name: OpenAI }", "APIKey", "apiKey")}
${backend("azure", '{ name: AzureOpenAI, version: "v7" }', "AzureAPIKey", "azureAPIKey")}
${backend("anthropic", "{ name: Anthropic }", "AnthropicAPIKey", "anthropicAPIKey")}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: { name: upstream, namespace: default }
spec:
  endpoints: [{ ip: { address: 127.0.0.1, port: 9 } }]
`;

/** Limits, retries and so on for the route `main`. */
export function trafficPolicy(spec: string): string {
  return `---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: { name: main, namespace: default }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: main }]
${spec}
`;
}

const COSTS = `  llmRequestCosts:
    - { metadataKey: input, type: InputToken }
    - { metadataKey: output, type: OutputToken }
`;

const RULES = [
  rule("one", "[{ name: openai }]"),
  rule("renamed", "[{ name: openai, modelNameOverride: gpt-real }]"),
  rule("claude", "[{ name: anthropic }]", "      streamIdleTimeout: 300ms"),
  rule(
    "two",
    `
        - name: openai
          modelNameOverride: gpt-real
          headerMutation: { set: [{ name: x-first, value: "1" }] }
        - name: azure
          modelNameOverride: dep-two
        - name: anthropic`,
  ),
  rule("idle", "[{ name: openai }]", "      streamIdleTimeout: 300ms"),
];

/** Rules for the models `one`, `renamed`, `claude`, `two` (several backends) and `idle`, in this order, with costs. */
export const STANDARD = `${route(RULES.join(""), COSTS)}${BACKENDS}`;

/** A chat request for a model. */
export function chat(model: string, more: object = {}): object {
  return { model, ...more, messages: [{ role: "user", content: "hello" }] };
}

/** A whole answer to a chat request. */
export const ANSWER = JSON.stringify({
  id: "a",
  object: "chat.completion",
  model: "gpt-real-2",
  choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
});

/** An event of a streamed answer to a chat request. */
export function event(content: string): string {
  const choices = [{ index: 0, delta: { content }, finish_reason: null }];
  return `data: ${JSON.stringify({ id: "a", object: "chat.completion.chunk", model: "gpt-real-2", choices })}\n\n`;
}

/** The events that end one. */
export const LAST_EVENTS = `data: {"id":"a","object":"chat.completion.chunk","model":"gpt-real-2","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`;
/** The event that tells the usage, where it was asked for. */
export const USAGE_EVENT = `data: {"id":"a","object":"chat.completion.chunk","model":"gpt-real-2","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}\n\n`;
