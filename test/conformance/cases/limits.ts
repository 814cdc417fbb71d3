import { type Case, type Group, type HttpRequest, UPSTREAM_PORT, type Want } from "../case.ts";
import { BACKENDS, backend, CHAT, chat, MESSAGES, route, upstream } from "../configs.ts";

const RULES = `
    - matches:
        - headers: [{ type: RegularExpression, name: x-ai-eg-model, value: "claude.*" }]
      backendRefs: [{ name: anthropic }]
    - matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: serviced }]
      backendRefs: [{ name: serviced }]
    - backendRefs: [{ name: openai }]`;

const COSTS = `  llmRequestCosts:
    - { metadataKey: total, type: TotalToken }
`;

/** Rules that each take requests with a header of their own, so that the cases do not meet. */
const TRAFFIC_RULES = [
  "{ clientSelectors: [{ headers: [{ name: x-plan, value: free }] }], limit: { requests: 1, unit: Day } }",
  '{ clientSelectors: [{ headers: [{ type: RegularExpression, name: x-plan, value: "trial-[a-z]+" }] }], limit: { requests: 1, unit: Day } }',
  "{ clientSelectors: [{ headers: [{ type: Distinct, name: x-once }] }], limit: { requests: 1, unit: Day } }",
  "{ clientSelectors: [{ headers: [{ name: x-ai-eg-model, value: rare }] }], limit: { requests: 1, unit: Day } }",
  "{ clientSelectors: [{ path: { type: Exact, value: /v1/embeddings }, methods: [{ value: POST }] }], limit: { requests: 1, unit: Day } }",
  "{ clientSelectors: [{ headers: [{ name: x-near, value: yes }], sourceCIDR: { value: 127.0.0.0/8 } }], limit: { requests: 1, unit: Day } }",
  "{ clientSelectors: [{ headers: [{ name: x-near, value: yes }], sourceCIDR: { value: 10.0.0.0/8 } }], limit: { requests: 0, unit: Day } }",
  "{ clientSelectors: [{ headers: [{ name: x-roles, value: on }, { name: x-role, value: admin, invert: true }] }], limit: { requests: 1, unit: Day } }",
  "{ clientSelectors: [{ queryParams: [{ name: plan, value: free }] }], limit: { requests: 1, unit: Day } }",
  "{ clientSelectors: [{ headers: [{ name: x-shadow, value: yes }] }], limit: { requests: 1, unit: Day }, shadowMode: true }",
  `{ clientSelectors: [{ headers: [{ type: Distinct, name: x-tenant }] }], limit: { requests: 60, unit: Day },
          cost: { request: { from: Number, number: 0 }, response: { from: Metadata, metadata: { namespace: io.envoy.ai_gateway, key: total } } } }`,
];

const QUOTAS = `---
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: QuotaPolicy
metadata: { name: quotas, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: openai }]
  perModelQuotas:
    - { modelName: small, quota: { defaultBucket: { limit: 60, duration: 1d } } }
    - modelName: weighted
      quota: { costExpression: "output_tokens * 2u", defaultBucket: { limit: 80, duration: 1d } }
    - modelName: bucketed
      quota:
        defaultBucket: { limit: 0, duration: 1d }
        bucketRules:
          - { clientSelectors: [{ headers: [{ type: Distinct, name: x-client }] }], quota: { limit: 60, duration: 1d } }
---
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: QuotaPolicy
metadata: { name: service, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: serviced }]
  serviceQuota: { quota: { limit: 60, duration: 1d } }
`;

const BUDGETS = `---
apiVersion: aigw.dev/v1alpha1
kind: BudgetPolicy
metadata: { name: budgets, namespace: default }
spec:
  budgets:
    - name: money
      limit: { dollars: "0.0005" }
      window: { type: Calendar, unit: Year }
      per: [{ from: Header, name: x-team }]
    - name: tokens
      limit: { tokens: 60 }
      window: { type: Calendar, unit: Month }
      per: [{ from: Header, name: x-user }]
`;

const CONFIG = `${route("main", RULES, COSTS)}
${BACKENDS}
${backend("serviced", "{ name: OpenAI }", "", "other")}
${upstream(UPSTREAM_PORT, "other")}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: { name: traffic, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIGatewayRoute, name: main }]
  rateLimit:
    type: Global
    global:
      rules:
        - ${TRAFFIC_RULES.join("\n        - ")}
    local:
      rules:
        - { clientSelectors: [{ headers: [{ name: x-own, value: yes }] }], limit: { requests: 1, unit: Day } }
${QUOTAS}${BUDGETS}`;

const SERVED: Want = { status: 200 };
/** A request that may cost 40 tokens, and costs 18. */
const CAPPED = { max_tokens: 20 };

function refused(limit: RegExp): Want {
  return {
    status: 429,
    headers: { "retry-after": /^[1-9]\d*$/, "x-ratelimit-remaining": /^[\d.]+$/, "content-type": "application/json" },
    body: limit,
    upstream: null,
    log: { status: 429, outcome: "error", "error.type": "rate_limited", "error.limit": /./, limits: / \d+/ },
  };
}

/** A chat request with headers. */
function ask(headers: Readonly<Record<string, string>>, model = "gpt-4o", more: object = CAPPED): HttpRequest {
  return { path: CHAT, headers, body: chat(model, more) };
}

/** Requests after each other. */
function sequence(name: string, ...steps: readonly (readonly [HttpRequest, Want])[]): Case[] {
  return steps.map(([request, want], i) => ({ name: `${name}: ${i + 1}`, config: CONFIG, request, want }));
}

const OF_SELECTORS: readonly (readonly [name: string, taken: HttpRequest, other: HttpRequest])[] = [
  ["a header's value", ask({ "x-plan": "free" }), ask({ "x-plan": "paid" })],
  ["a header's pattern, all of its values together", ask({ "x-plan": "trial-a" }), ask({ "x-plan": "a trial-b" })],
  ["each value of a header for itself", ask({ "x-once": "a" }), ask({ "x-once": "b" })],
  ["a model", ask({}, "rare"), ask({ "x-ai-eg-model": "rare" }, "frequent")],
  [
    "a path and a method",
    { path: "/v1/embeddings", body: { model: "gpt-4o", input: "a" } },
    { path: "/v1/completions", body: { model: "gpt-4o", prompt: "a" } },
  ],
  ["an address", ask({ "x-near": "yes" }), ask({ "x-near": "no" })],
  ["a parameter of the URL", { ...ask({}), path: `${CHAT}?plan=free` }, { ...ask({}), path: `${CHAT}?plan=paid` }],
  ["a header's value, each gateway for itself", ask({ "x-own": "yes" }), ask({ "x-own": "no" })],
  ["what is not", ask({ "x-roles": "on" }), ask({ "x-roles": "on", "x-role": "admin" })],
];

/** Limits that are reserved before and settled after, whatever the host. */
export const LIMITS: Group = {
  name: "limits",
  oneByOne: true,
  cases: [
    ...OF_SELECTORS.flatMap(([name, taken, other]) =>
      sequence(
        `requests are limited by ${name}`,
        [taken, { status: 200, headers: { "x-ratelimit-limit": "1, 1;w=86400", "x-ratelimit-remaining": "0" } }],
        [
          taken,
          refused(
            /limit reached: BackendTrafficPolicy default\/traffic, (global|local) rule \d.*1 of 1 requests are used/,
          ),
        ],
        [other, SERVED],
      ),
    ),
    ...sequence(
      "shadow limits refuse nobody and are not told",
      ...Array.from(
        { length: 2 },
        () => [ask({ "x-shadow": "yes" }), { status: 200, headers: { "x-ratelimit-limit": undefined } }] as const,
      ),
      [
        ask({ "x-shadow": "yes" }),
        {
          ...SERVED,
          metrics: { 'aigw_limit_refused_total{kind="BackendTrafficPolicy",shadow="true"}': 1 },
        },
      ],
    ),
    ...sequence(
      "tenants are charged what their answers cost, by a cost of the route",
      [
        ask({ "x-tenant": "acme" }),
        { status: 200, headers: { "x-ratelimit-remaining": "42" }, log: { costs: { total: 18 } } },
      ],
      [ask({ "x-tenant": "acme" }), { status: 200, headers: { "x-ratelimit-remaining": "24" } }],
      [
        ask({ "x-tenant": "acme" }),
        refused(/36 of 60 units of cost are used, and this request may need 41; it resets at/),
      ],
      [ask({ "x-tenant": "rush" }), SERVED],
      [ask({ "x-tenant": "acme" }, "gpt-4o", { max_tokens: 2 }), SERVED],
    ),
    ...sequence(
      "an error of the provider costs no tokens",
      ...Array.from({ length: 2 }, () => {
        const headers = { "x-tenant": "unlucky", "x-simulate": "status=500" };
        return [ask(headers), { status: 500, headers: { "x-ratelimit-remaining": "60" } }] as const;
      }),
    ),
    ...sequence(
      "a stream is charged what it cost",
      [
        ask({ "x-tenant": "streams" }, "gpt-4o", { ...CAPPED, stream: true }),
        // Told before it is known what the answer costs: after what is reserved.
        { status: 200, headers: { "x-ratelimit-limit": "60, 60;w=86400", "x-ratelimit-remaining": /^1[5-9]$/ } },
      ],
      [ask({ "x-tenant": "streams" }), { status: 200, headers: { "x-ratelimit-remaining": "24" } }],
    ),
    ...sequence(
      "a caller who leaves in a stream is charged what came",
      [
        {
          ...ask({ "x-tenant": "leaver", "x-simulate": "fault=hang-mid-stream" }, "gpt-4o", {
            ...CAPPED,
            stream: true,
          }),
          leaves: "after-first-bytes",
        },
        { log: { outcome: "cancelled", usage_estimated: true } },
      ],
      // Its input alone are 24 tokens.
      [ask({ "x-tenant": "leaver" }), refused(/(2[5-9]|3\d|4\d) of 60 units of cost are used/)],
    ),
    ...sequence(
      "a quota counts the tokens of its model",
      [ask({}, "small"), { status: 200, headers: { "x-ratelimit-remaining": "42" } }],
      [ask({}, "small"), SERVED],
      [
        ask({}, "small"),
        refused(/QuotaPolicy default\/quotas, model small default, backend default\/openai: 36 of 60 tokens/),
      ],
    ),
    ...sequence(
      "a quota counts by its expression",
      [ask({}, "weighted"), { status: 200, headers: { "x-ratelimit-remaining": "48" } }],
      [ask({}, "weighted"), SERVED],
      [ask({}, "weighted"), refused(/64 of 80 tokens are used/)],
    ),
    ...sequence(
      "a request has room in any of the buckets it belongs to",
      [ask({ "x-client": "a" }, "bucketed"), SERVED],
      [ask({ "x-client": "a" }, "bucketed"), SERVED],
      [ask({ "x-client": "a" }, "bucketed"), refused(/QuotaPolicy default\/quotas, model bucketed/)],
      [ask({ "x-client": "b" }, "bucketed"), SERVED],
      [ask({}, "bucketed"), refused(/54 of 0 tokens are used/)],
    ),
    ...sequence(
      "a quota of a backend counts all its models",
      [ask({}, "serviced"), SERVED],
      [ask({}, "serviced"), SERVED],
      [ask({}, "serviced"), refused(/QuotaPolicy default\/service, service, backend default\/serviced/)],
    ),
    ...sequence(
      "a budget of money counts by the price of the model",
      [ask({ "x-team": "red" }), { status: 200, headers: { "x-ratelimit-remaining": "0.000335" } }],
      [ask({ "x-team": "red" }), SERVED],
      [
        ask({ "x-team": "red" }),
        refused(/\(header x-team: red\): 0\.00033 of 0\.0005 dollars are used, and this request may need/),
      ],
      [
        ask({ "x-team": "blue" }, "no-price"),
        { status: 403, body: /no price is known of the model/, upstream: null, log: { "error.type": "unmetered" } },
      ],
    ),
    ...sequence(
      "the tightest of several limits refuses, and is the one that is told of",
      [ask({ "x-user": "u", "x-once": "c" }), { status: 200, headers: { "x-ratelimit-limit": "1, 1;w=86400" } }],
      [ask({ "x-user": "u", "x-once": "d", "x-team": "green" }), SERVED],
      [
        ask({ "x-user": "u", "x-team": "green" }),
        refused(/budget ..tokens.. \(header x-user: u\): 36 of 60 tokens are used/),
      ],
      [ask({ "x-team": "green" }), { status: 200, headers: { "x-ratelimit-remaining": "0.00017" } }],
    ),
    ...sequence("what tells no usage is refused where tokens are counted", [
      {
        path: "/v1/audio/speech",
        headers: { "x-user": "speaker" },
        body: { model: "tts-1", input: "hello", voice: "alloy" },
      },
      { status: 403, body: /answers of \/v1\/audio\/speech do not tell what they used/, upstream: null },
    ]),
    ...sequence(
      "callers of Anthropic are refused in its dialect",
      [{ path: MESSAGES, headers: { "x-once": "claude" }, body: chat("claude-4", { max_tokens: 9 }) }, SERVED],
      [
        { path: MESSAGES, headers: { "x-once": "claude" }, body: chat("claude-4", { max_tokens: 9 }) },
        { status: 429, body: { json: { type: "error", error: { type: "rate_limit_error" } } } },
      ],
    ),
    ...sequence(
      "callers of Gemini are refused in its dialect",
      ...[SERVED, { status: 429, body: { json: { error: { code: 429, status: "RESOURCE_EXHAUSTED" } } } }].map(
        (want) =>
          [
            {
              path: "/v1beta/models/gpt-4o:generateContent",
              headers: { "x-once": "gemini" },
              body: { contents: [{ role: "user", parts: [{ text: "hello" }] }] },
            },
            want,
          ] as const,
      ),
    ),
  ],
};
