import type { Case, Group } from "../case.ts";
import { BACKENDS, CHAT, chat, MESSAGES, route, STANDARD } from "../configs.ts";

const HOSTS = `${route(
  "host-a",
  `
    - modelsOwnedBy: team-a
      modelsCreatedAt: 2026-01-02T03:04:05Z
      matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: only-a }]
      backendRefs: [{ name: openai, modelNameOverride: from-host-a }]`,
  "  hostnames: [a.example.com]",
)}
${route(
  "wildcard",
  `
    - matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: only-wild }]
      backendRefs: [{ name: openai, modelNameOverride: from-wildcard }]`,
  '  hostnames: ["*.wild.example.com"]',
)}
${BACKENDS}`;

const HEADERS = `${route(
  "headers",
  `
    - name: two-headers
      matches:
        - headers:
            - { type: Exact, name: x-ai-eg-model, value: gpt-4o }
            - { type: Exact, name: X-Team, value: red }
      backendRefs: [{ name: openai, modelNameOverride: for-red }]
    - name: by-expression
      matches:
        - headers:
            - { type: Exact, name: x-ai-eg-model, value: gpt-4o }
            - { type: RegularExpression, name: x-team, value: "blue|green" }
      backendRefs: [{ name: openai, modelNameOverride: for-blue-or-green }]
    - name: the-rest
      matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: gpt-4o }]
      backendRefs: [{ name: openai, modelNameOverride: for-the-rest }]
    - name: weight-zero
      matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: weighted }]
      backendRefs:
        - { name: openai, weight: 0, modelNameOverride: never }
        - { name: openai, weight: 1, modelNameOverride: always }`,
)}
${BACKENDS}`;

function sentAs(name: string, config: string, model: string, headers: Record<string, string>, as: string): Case {
  return {
    name,
    config,
    request: { path: CHAT, headers, body: chat(model) },
    want: { status: 200, upstream: { body: { json: { model: as } } }, log: { "gen_ai.request.model": as } },
  };
}

/** Which rule and backend a request goes to. */
export const ROUTING: Group = {
  name: "routing",
  cases: [
    {
      name: "a model goes to the backend of the rule it matches, under that backend's path",
      config: STANDARD,
      request: { path: CHAT, body: chat("gpt-4o") },
      want: { status: 200, upstream: { path: CHAT }, log: { route: "default/main" } },
    },
    {
      name: "an Azure model goes to its deployment's path",
      config: STANDARD,
      request: { path: CHAT, body: chat("azure-gpt") },
      want: {
        status: 200,
        upstream: { path: "/openai/deployments/azure-gpt/chat/completions?api-version=2025-01-01-preview" },
      },
    },
    {
      name: "an Anthropic client is served under both paths and reaches /v1/messages",
      config: STANDARD,
      request: { path: "/anthropic/v1/messages", body: chat("claude-4", { max_tokens: 9 }) },
      want: { status: 200, upstream: { path: MESSAGES }, body: { json: { type: "message", model: "claude-4" } } },
    },
    {
      name: "the caller's query does not reach the provider",
      config: STANDARD,
      request: { path: `${CHAT}?beta=true`, body: chat("gpt-4o") },
      want: { status: 200, upstream: { path: CHAT } },
    },
    {
      name: "modelNameOverride replaces the model and nothing else of the body",
      config: STANDARD,
      request: { path: CHAT, body: '{ "seed": 12345678901234567890, "model" : "renamed", "messages": [ ] }' },
      want: {
        status: 200,
        upstream: { body: '{ "seed": 12345678901234567890, "model" : "gpt-real", "messages": [ ] }' },
        log: { "gen_ai.original.model": "renamed", "gen_ai.request.model": "gpt-real" },
      },
    },
    {
      name: "matches are alternatives: the second one of a rule matches as well as the first",
      config: STANDARD,
      request: { path: CHAT, body: chat("gpt-4o-alias") },
      want: { status: 200, upstream: { body: { json: { model: "gpt-real" } } } },
    },
    {
      name: "a regular expression has to match the whole model",
      config: STANDARD,
      request: { path: CHAT, body: chat("not-gpt-4o") },
      want: { status: 404, upstream: null },
    },
    sentAs("all headers of a match must match", HEADERS, "gpt-4o", { "x-team": "red" }, "for-red"),
    sentAs("a header can be matched by an expression", HEADERS, "gpt-4o", { "x-team": "green" }, "for-blue-or-green"),
    sentAs("fewer headers match where more do not", HEADERS, "gpt-4o", { "x-team": "black" }, "for-the-rest"),
    sentAs("a backend of weight 0 is never picked", HEADERS, "weighted", {}, "always"),
    sentAs("a route is chosen by hostname", HOSTS, "only-a", { host: "a.example.com" }, "from-host-a"),
    sentAs(
      "a hostname has no case, and a port does not matter",
      HOSTS,
      "only-a",
      { host: "A.example.com:80" },
      "from-host-a",
    ),
    sentAs("a wildcard hostname matches", HOSTS, "only-wild", { host: "x.wild.example.com" }, "from-wildcard"),
    {
      name: "a route does not serve another hostname",
      config: HOSTS,
      request: { path: CHAT, headers: { host: "b.example.com" }, body: chat("only-a") },
      want: { status: 404, upstream: null },
    },
    {
      name: "the list of models names what exact rules serve",
      config: HOSTS,
      request: { method: "GET", path: "/v1/models", headers: { host: "a.example.com" } },
      want: {
        status: 200,
        headers: { "content-type": "application/json" },
        body: '{"data":[{"id":"only-a","created":1767323045,"object":"model","owned_by":"team-a"}],"object":"list"}',
        upstream: null,
      },
    },
    {
      name: "the list of models has Anthropic's shape under Anthropic's path",
      config: HOSTS,
      request: { method: "GET", path: "/anthropic/v1/models", headers: { host: "a.example.com" } },
      want: {
        status: 200,
        body: {
          json: {
            data: [{ id: "only-a", type: "model", display_name: "only-a", created_at: "2026-01-02T03:04:05Z" }],
            first_id: "only-a",
            has_more: false,
            last_id: "only-a",
          },
        },
      },
    },
    {
      name: "the list of models of one host does not name those of another",
      config: HOSTS,
      request: { method: "GET", path: "/v1/models", headers: { host: "b.example.com" } },
      want: { status: 200, body: { json: { object: "list", data: [] } } },
    },
    ...["x-ai-eg-model", "X-Ai-Eg-Model"].map(
      (name): Case => ({
        name: `a caller's own ${name} header does not choose the route`,
        config: STANDARD,
        request: { path: CHAT, headers: { [name]: "gpt-4o" }, body: chat("unheard-of") },
        want: { status: 404, upstream: null },
      }),
    ),
  ],
};
