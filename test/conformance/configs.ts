/** Configurations the cases share, as users write them. */
import { UPSTREAM_PORT } from "./case.ts";

/** What requests to AWS may be signed with. */
export const AWS_KEYS = [
  { accessKeyId: "AKIALASTING", secretAccessKey: "lasting/+=secret" },
  { accessKeyId: "ASIATEMPORARY", secretAccessKey: "temporary/+=secret", sessionToken: "temporary//token==" },
] as const;

/** The simulated provider as a backend of every schema, without keys. */
export const BACKENDS = `
${backend("openai", "{ name: OpenAI }")}
${backend("anthropic", "{ name: Anthropic }")}
${backend("azure", '{ name: AzureOpenAI, version: "2025-01-01-preview" }')}
${upstream(UPSTREAM_PORT)}`;

/** Rules that send every model to the backend of its vendor. */
export const STANDARD_RULES = `
    - name: anthropic
      matches:
        - headers: [{ type: RegularExpression, name: x-ai-eg-model, value: "claude.*" }]
      backendRefs: [{ name: anthropic }]
    - name: azure
      matches:
        - headers: [{ type: RegularExpression, name: x-ai-eg-model, value: "azure-.*" }]
      backendRefs: [{ name: azure }]
    - name: renamed
      matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: renamed }]
        - headers: [{ type: Exact, name: x-ai-eg-model, value: gpt-4o-alias }]
      backendRefs: [{ name: openai, modelNameOverride: gpt-real }]
    - name: openai
      matches:
        - headers: [{ type: RegularExpression, name: x-ai-eg-model, value: "gpt-.*" }]
      backendRefs: [{ name: openai }]`;

/** Every vendor, nothing special; cases may keep connections to the provider. */
export const REUSING = `${route("main", STANDARD_RULES)}\n${BACKENDS}`;

/**
 * The same for cases that may break connections under each other: a provider that closes one right after its answer fails the
 * request that Envoy sends on it in that very moment (the embedded host sends it again).
 */
export const STANDARD = `${REUSING}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: { name: single-use, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIGatewayRoute, name: main }]
  circuitBreaker: { maxRequestsPerConnection: 1 }
`;

/** A route with rules and, below them, more of its spec. */
export function route(name: string, rules: string, more = ""): string {
  return `---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: { name: ${name}, namespace: default }
spec:
  rules:${rules}
${more}`;
}

/** An AIServiceBackend at the Backend `upstream`, and further fields of its spec. */
export function backend(name: string, schema: string, more = "", at = "upstream"): string {
  return `---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: { name: ${name}, namespace: default }
spec:
  schema: ${schema}
  backendRef: { name: ${at}, kind: Backend, group: gateway.envoyproxy.io }
${more}`;
}

/** The Backend `upstream`, or one of another name, at a local port. */
export function upstream(port: string, name = "upstream"): string {
  return `---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: { name: ${name}, namespace: default }
spec:
  endpoints: [{ ip: { address: 127.0.0.1, port: ${port} } }]
`;
}

/** A credential for one AIServiceBackend, and further fields of the policy's spec. */
export function apiKey(target: string, key: string, policy: { type: string; field: string; more?: string }): string {
  return `---
apiVersion: v1
kind: Secret
metadata: { name: ${target}-key, namespace: default }
stringData: { apiKey: ${key} }
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: { name: ${target}-key, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: ${target} }]
  type: ${policy.type}
  ${policy.field}: { secretRef: { name: ${target}-key } }
${policy.more ?? ""}`;
}

/** A chat request for a model. */
export function chat(model: string, more: object = {}): object {
  return { model, messages: [{ role: "user", content: "hello" }], ...more };
}

/** Paths of the endpoints. */
export const CHAT = "/v1/chat/completions";
export const MESSAGES = "/v1/messages";
