/** What a caller must not decide: where a request goes, who signs it, what path it takes. */
import { type Case, type Group, UPSTREAM_PORT } from "../case.ts";
import { apiKey, backend, CHAT, chat, route, upstream } from "../configs.ts";

const SCHEMAS = [
  { name: "azure", schema: '{ name: AzureOpenAI, version: "2025-01-01-preview" }' },
  { name: "bedrock", schema: "{ name: AWSBedrock }" },
  { name: "aws-claude", schema: "{ name: AWSAnthropic }" },
  { name: "gemini", schema: "{ name: GCPVertexAI, prefix: v1beta }" },
  { name: "gcp-claude", schema: "{ name: GCPAnthropic }" },
] as const;

const RULES = SCHEMAS.map(
  ({ name }) => `
    - matches: [{ headers: [{ name: x-backend, value: ${name} }] }]
      backendRefs: [{ name: ${name} }]`,
);

const CONFIG = `${route(
  "main",
  `${RULES.join("")}
    - matches: [{ headers: [{ type: Exact, name: x-ai-eg-model, value: mine }] }]
      backendRefs: [{ name: mine }]
    - matches: [{ headers: [{ type: Exact, name: x-ai-eg-model, value: others }] }]
      backendRefs: [{ name: others }]`,
)}
${SCHEMAS.map(({ name, schema }) => backend(name, schema)).join("\n")}
${backend("mine", "{ name: OpenAI }")}
${backend("others", "{ name: OpenAI }")}
${upstream(UPSTREAM_PORT)}
${apiKey("mine", "sk-mine", { type: "APIKey", field: "apiKey" })}
${apiKey("others", "sk-others", { type: "APIKey", field: "apiKey" })}`;

/** Names that only the gateway or an Envoy may set, with what would be gained by them. */
const FORGED: readonly (readonly [name: string, value: string])[] = [
  ["x-ai-eg-model", "others"],
  ["x-ai-eg-route", "default/main/0"],
  ["x-ai-eg-original-path", "/v1/embeddings"],
  ["x-ai-eg-internal-req-id", "1"],
  ["x-ai-eg-upstream-host", "169.254.169.254:80"],
  ["x-ai-eg-mcp-backend", "others"],
  ["x-gateway-destination-endpoint", "169.254.169.254:80"],
  ["x-gateway-destination-endpoint-subset", "127.0.0.1:1064"],
  ["x-envoy-original-path", "/v1/embeddings"],
  ["x-envoy-original-dst-host", "169.254.169.254:80"],
  ["x-envoy-upstream-rq-timeout-ms", "1"],
  ["x-envoy-retry-on", "5xx"],
  ["x-envoy-internal", "true"],
  ["x-envoy-decorator-operation", "forged"],
];

/** What the backend of the model `mine` gets, however the request came. */
const SIGNED = { authorization: "Bearer sk-mine" };

function forgery(name: string, value: string, over: { http2?: true } = {}): Case {
  return {
    name: `a forged ${name} changes nothing${over.http2 ? " over HTTP/2" : ""}`,
    config: CONFIG,
    request: { path: CHAT, headers: { [name]: value }, body: chat("mine"), ...over },
    want: {
      status: 200,
      upstream: { path: CHAT, headers: { ...SIGNED, [name.toLowerCase()]: undefined } },
      log: { "gen_ai.original.model": "mine", backend: /^default\/mine\// },
    },
  };
}

const forged = [
  forgery("X-AI-EG-Model", "others"),
  ...FORGED.map(([name, value]) => forgery(name, value)),
  ...FORGED.map(([name, value]) => forgery(name, value, { http2: true })),
];

const NOMINATED = ["authorization", "x-ai-eg-route", "content-type", "content-length"];
const nominated = NOMINATED.map(
  (name): Case => ({
    name: `Connection: ${name} takes nothing away`,
    config: CONFIG,
    request: { path: CHAT, headers: { connection: `close, ${name}` }, body: chat("mine") },
    want: { status: 200, upstream: { path: CHAT, headers: SIGNED } },
  }),
);

const PATHS = [
  "/v1//chat/completions",
  "//v1/chat/completions",
  "/v1/./chat/completions",
  "/x/../v1/chat/completions",
  "/v1/%2e%2e/v1/chat/completions",
  "/v1%2Fchat%2Fcompletions",
  "/v1/chat/completions;x",
  "/v1/chat\\completions",
  "/v1/chat/completions%00",
  "/v1/chat/completions%3F",
  "/v1/chat/completions/",
  "/v1/chat/completions.",
  "/V1/Chat/Completions",
  "/v1/chat/completion%73",
  "/v1/chat/completions%c0%af",
];
const paths = PATHS.map(
  (path): Case => ({
    name: `${path} is not the path of chat completions`,
    config: CONFIG,
    request: { path, body: chat("mine") },
    want: { status: 404, upstream: null, log: { "error.type": "unknown_path" } },
  }),
);

/** Undefined = refused. */
const MODELS: readonly (readonly [model: string, segment: string | undefined])[] = [
  ["../..", undefined],
  ["a/../../b", undefined],
  ["..\\..", undefined],
  ["%2e%2e%2fb", undefined],
  ["a\r\nx-injected: 1", undefined],
  ["a\u0000", undefined],
  ["a".repeat(10_000), undefined],
  ["a%2fb", "a%252fb"],
  ["a#b", "a%23b"],
  ["a?x=1", "a%3Fx%3D1"],
  ["@evil.test", "@evil.test"],
  ["//evil.test", "%2F%2Fevil.test"],
  ["模型", "%E6%A8%A1%E5%9E%8B"],
];
const PATH_OF: Readonly<Record<(typeof SCHEMAS)[number]["name"], (model: string) => string>> = {
  azure: (model) => `/openai/deployments/${model}/chat/completions?api-version=2025-01-01-preview`,
  bedrock: (model) => `/model/${model}/converse`,
  "aws-claude": (model) => `/model/${model}/invoke`,
  gemini: (model) => `/v1beta/models/${model}:generateContent`,
  "gcp-claude": (model) => `/publishers/anthropic/models/${model}:rawPredict`,
};
const models = SCHEMAS.flatMap(({ name }) =>
  MODELS.map(
    ([model, segment]): Case => ({
      name: `the model ${JSON.stringify(model.slice(0, 20))} is ${segment === undefined ? "refused" : "one step"} at ${name}`,
      config: CONFIG,
      request: { path: CHAT, headers: { "x-backend": name }, body: chat(model) },
      want:
        segment === undefined
          ? { status: 400, upstream: null, log: { "error.type": "invalid_request" } }
          : { upstream: { path: PATH_OF[name](segment), headers: { "x-injected": undefined } } },
    }),
  ),
);

const FORWARDED = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
const forwarded = FORWARDED.map(
  (name): Case => ({
    name: `${name} goes no further`,
    config: CONFIG,
    request: { path: CHAT, headers: { [name]: "169.254.169.254" }, body: chat("mine") },
    want: { status: 200, upstream: { headers: { ...SIGNED, [name]: undefined } } },
  }),
);

/** Some servers take `_` for `-`. */
const underscored: Case = {
  name: "x_ai_eg_model is a header like any other",
  config: CONFIG,
  request: { path: CHAT, headers: { x_ai_eg_model: "others" }, body: chat("mine") },
  want: { status: 200, upstream: { headers: SIGNED }, log: { backend: /^default\/mine\// } },
};

/** What callers cannot talk the gateway into. */
export const TRUST_BOUNDARY: Group = {
  name: "trust boundary",
  cases: [...forged, underscored, ...forwarded, ...nominated, ...paths, ...models],
};
