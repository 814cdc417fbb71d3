import { createHash } from "node:crypto";
import { jwks, SigningKey } from "../../../src/caller-auth/test-tokens.ts";
import type { Case, Group, HttpRequest, Want } from "../case.ts";
import { apiKey, BACKENDS, CHAT, chat, MESSAGES, route } from "../configs.ts";

const GENERATE = "/v1beta/models/one:generateContent";

function gatewayKey(name: string, key: string, more = ""): string {
  const sha256 = createHash("sha256").update(key).digest("hex");
  return `---
apiVersion: aigw.dev/v1alpha1
kind: GatewayKey
metadata: { name: ${name}, namespace: default }
spec:
  hashes: [{ sha256: ${sha256} }]
${more}`;
}

function rule(model: string, backends: string): string {
  return `
    - matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: ${model} }]
      backendRefs: ${backends}`;
}

const RULES = [
  rule("one", "[{ name: openai }]"),
  rule("two", "[{ name: openai }, { name: azure }]"),
  rule("claude", "[{ name: anthropic }]"),
].join("");
const PROVIDER_KEY = apiKey("openai", "sk-openai", { type: "APIKey", field: "apiKey" });

const KEYS = `${route("main", RULES)}${BACKENDS}${PROVIDER_KEY}
${gatewayKey("alice", "aigw_alice", "  owner: alice@example.com\n  team: search\n")}
${gatewayKey("bob", "aigw_bob", "  models: [one, claude*]\n")}
${gatewayKey("expired", "aigw_expired", '  expiresAt: "2020-01-01T00:00:00Z"\n')}
${gatewayKey("revoked", "aigw_revoked", "  revoked: true\n")}`;

const UNSEEN = {
  "x-api-key": undefined,
  "api-key": undefined,
  "x-goog-api-key": undefined,
  cookie: undefined,
};
const ALICE = { "caller.key": "default/alice", "caller.owner": "alice@example.com", "caller.team": "search" };
const BASIC = { authorization: "Bearer sk-openai" };

const places: readonly { name: string; path?: string; headers?: Record<string, string> }[] = [
  { name: "a bearer token", headers: { authorization: "Bearer aigw_alice" } },
  { name: "x-api-key", headers: { "x-api-key": "aigw_alice" } },
  { name: "api-key", headers: { "api-key": "aigw_alice" } },
  { name: "x-goog-api-key", headers: { "x-goog-api-key": "aigw_alice" } },
  { name: "the query", path: `${CHAT}?key=aigw_alice&x=1` },
];
const accepted = places.map(
  ({ name, path = CHAT, headers = {} }): Case => ({
    name: `a key is good as ${name}, and goes no further`,
    config: KEYS,
    request: { path, headers, body: chat("one") },
    want: { status: 200, upstream: { path: CHAT, headers: { ...UNSEEN, ...BASIC } }, log: ALICE },
  }),
);

function refused(name: string, request: HttpRequest, want: Want): Case {
  return { name, config: KEYS, request, want: { upstream: null, ...want } };
}

function openai(type: string, code: string, message: string): string {
  return JSON.stringify({ type: "error", error: { type, code, message } });
}

const MISSING = "no API key or token was given";
const refusals = [
  refused(
    "without a key nobody is served",
    { path: CHAT, body: chat("one") },
    {
      status: 401,
      headers: { "www-authenticate": 'Bearer realm="aigw"' },
      body: openai("Unauthorized", "401", MISSING),
      log: { status: 401, "error.type": "unauthorized", "caller.key": undefined, request_bytes: 0 },
    },
  ),
  refused(
    "Anthropic's clients are told so in their words",
    { path: MESSAGES, body: chat("claude", { max_tokens: 5 }) },
    { status: 401, body: { json: { type: "error", error: { type: "authentication_error", message: MISSING } } } },
  ),
  refused(
    "Gemini's clients are told so in theirs",
    { path: GENERATE, body: { contents: [] } },
    { status: 401, body: JSON.stringify({ error: { code: 401, message: MISSING, status: "UNAUTHENTICATED" } }) },
  ),
  ...[
    { key: "aigw_other", message: "the API key or token is not valid" },
    { key: "aigw_expired", message: "the API key or token has expired" },
    { key: "aigw_revoked", message: "the API key was revoked" },
  ].map(({ key, message }) =>
    refused(
      `the key ${key} is refused`,
      { path: CHAT, headers: { "x-api-key": key }, body: chat("one") },
      {
        status: 401,
        headers: { "www-authenticate": 'Bearer realm="aigw", error="invalid_token"' },
        body: openai("Unauthorized", "401", message),
      },
    ),
  ),
  refused(
    "a key may not ask for another model",
    { path: CHAT, headers: { "x-api-key": "aigw_bob" }, body: chat("two") },
    {
      status: 403,
      body: openai("Forbidden", "403", "the API key is not for this model"),
      log: { status: 403, "error.type": "forbidden", "caller.key": "default/bob" },
    },
  ),
  refused(
    "models cannot be listed without a key",
    { method: "GET", path: "/v1/models" },
    { status: 401, body: openai("Unauthorized", "401", MISSING) },
  ),
];

const others: readonly Case[] = [
  {
    name: "a key may ask for the models it names",
    config: KEYS,
    request: { path: MESSAGES, headers: { "x-api-key": "aigw_bob" }, body: chat("claude", { max_tokens: 5 }) },
    want: { status: 200, upstream: { headers: UNSEEN }, log: { "caller.key": "default/bob" } },
  },
  {
    name: "a key sees the models it may ask for",
    config: KEYS,
    request: { method: "GET", path: "/v1/models", headers: { "x-api-key": "aigw_bob" } },
    want: { status: 200, body: { json: { data: [{ id: "one" }, { id: "claude" }] } } },
  },
  {
    name: "a key is good for a rule with several backends, and goes no further",
    config: KEYS,
    request: { path: CHAT, headers: { "x-api-key": "aigw_alice" }, body: chat("two") },
    want: { status: 200, upstream: { headers: { ...UNSEEN, "x-api-key": undefined } }, log: ALICE },
  },
];

const CLIENTS = `${route("clients", RULES)}${route("open", rule("free", "[{ name: openai }]"))}${BACKENDS}
---
apiVersion: v1
kind: Secret
metadata: { name: clients, namespace: default }
stringData: { carol: key-of-carol, dave: key-of-dave }
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: { name: clients, namespace: default }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: clients }]
  apiKeyAuth:
    credentialRefs: [{ name: clients }]
    extractFrom: [{ headers: [X-Client-Key], params: [client_key], cookies: [client] }]
    forwardClientIDHeader: X-Client-Id
`;

const clientPlaces: readonly { name: string; path?: string; headers?: Record<string, string> }[] = [
  { name: "a header", headers: { "x-client-key": "key-of-carol" } },
  { name: "the query", path: `${CHAT}?client_key=key-of-carol` },
  { name: "a cookie", headers: { cookie: "a=b; client=key-of-carol" } },
];
const clients = ["one", "two"].flatMap((model) =>
  clientPlaces.map(
    ({ name, path = CHAT, headers = {} }): Case => ({
      name: `a client's key in ${name} is good for ${model}; the backend learns the client, not the key`,
      config: CLIENTS,
      request: { path, headers: { ...headers, "x-client-id": "forged" }, body: chat(model) },
      want: {
        status: 200,
        upstream: { headers: { "x-client-id": "carol", "x-client-key": undefined, cookie: undefined } },
        log: { "caller.key": "carol" },
      },
    }),
  ),
);

const openRoute: readonly Case[] = [
  {
    name: "a route without a policy is open, and nobody can say there who they are",
    config: CLIENTS,
    request: { path: CHAT, headers: { "x-client-id": "forged" }, body: chat("free") },
    want: { status: 200, upstream: { headers: { "x-client-id": undefined } }, log: { "caller.key": undefined } },
  },
  {
    name: "a key for another route does not leave the gateway either",
    config: CLIENTS,
    request: { path: CHAT, headers: { "x-client-key": "key-of-carol" }, body: chat("free") },
    want: { status: 200, upstream: { headers: { "x-client-key": undefined } }, log: { "caller.key": "carol" } },
  },
  {
    name: "beside an open route one that is not is still closed",
    config: CLIENTS,
    request: { path: CHAT, headers: { "x-client-key": "guessed" }, body: chat("one") },
    want: {
      status: 401,
      upstream: null,
      body: openai("Unauthorized", "401", "the API key or token is not valid"),
    },
  },
  {
    name: "without a key only the models of open routes are listed",
    config: CLIENTS,
    request: { method: "GET", path: "/v1/models" },
    want: { status: 200, body: /^\{"data":\[\{"id":"free"[^{}]*\}\],"object":"list"\}$/ },
  },
];

const ISSUER = new SigningKey("k1");
const CLAIMS = { exp: Math.floor(Date.now() / 1000) + 3600, iat: 0 };

function jwtPolicy(target: string, more = ""): string {
  return `---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: { name: ${target}, namespace: default }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: ${target} }]
  jwt:
${more}    providers:
      - name: issuer
        issuer: https://issuer.test
        audiences: [gateway]
        localJWKS: { type: Inline, inline: '${jwks([ISSUER])}' }
        claimToHeaders:
          - { header: X-User, claim: sub }
          - { header: X-Org, claim: org.id }
`;
}

const TOKENS = `${route("tokens", RULES)}${jwtPolicy("tokens")}
${route("either", rule("either", "[{ name: openai }]"))}${jwtPolicy("either", "    optional: true\n")}
${BACKENDS}`;

const good = ["one", "two"].map(
  (model): Case => ({
    name: `a token is good for ${model}: its claims reach the backend, whatever the caller says of itself`,
    config: TOKENS,
    request: {
      path: CHAT,
      headers: {
        authorization: `Bearer ${ISSUER.token({ ...CLAIMS, org: { id: 7 } })}`,
        "x-user": "forged",
        "x-org": "forged",
      },
      body: chat(model),
    },
    want: {
      status: 200,
      upstream: { headers: { "x-user": "alice", "x-org": "7", authorization: undefined } },
      log: { "caller.user": "alice", "caller.key": undefined },
    },
  }),
);

const tokens: readonly Case[] = [
  ...good,
  {
    name: "a token is good over HTTP/2",
    config: TOKENS,
    request: {
      path: CHAT,
      http2: true,
      headers: { authorization: `Bearer ${ISSUER.token({ ...CLAIMS, sub: "bob" })}` },
      body: chat("one"),
    },
    want: { status: 200, upstream: { headers: { "x-user": "bob" } }, log: { "caller.user": "bob" } },
  },
  {
    name: "a claim that a token does not make is no header, whatever the caller says",
    config: TOKENS,
    request: {
      path: `${CHAT}?access_token=${ISSUER.token(CLAIMS)}`,
      headers: { "x-org": "forged" },
      body: chat("two"),
    },
    want: { status: 200, upstream: { headers: { "x-user": "alice", "x-org": undefined } } },
  },
  {
    name: "a token of another audience is refused",
    config: TOKENS,
    request: {
      path: CHAT,
      headers: { authorization: `Bearer ${ISSUER.token({ ...CLAIMS, aud: "others" })}` },
      body: chat("one"),
    },
    want: { status: 401, upstream: null, log: { "error.type": "unauthorized", "caller.user": undefined } },
  },
  {
    name: "a token that has expired is refused",
    config: TOKENS,
    request: {
      path: CHAT,
      headers: { authorization: `Bearer ${ISSUER.token({ exp: 1 })}` },
      body: chat("one"),
    },
    want: { status: 401, upstream: null, body: openai("Unauthorized", "401", "the API key or token has expired") },
  },
  {
    name: "where a token may be left out, nobody can say who they are",
    config: TOKENS,
    request: { path: CHAT, headers: { "x-user": "forged" }, body: chat("either") },
    want: { status: 200, upstream: { headers: { "x-user": undefined } }, log: { "caller.user": undefined } },
  },
  {
    name: "where a token may be left out, a bad one is refused",
    config: TOKENS,
    request: { path: CHAT, headers: { authorization: "Bearer a.b.c" }, body: chat("either") },
    want: { status: 401, upstream: null },
  },
];

const OVERRIDE = `  credentialOverride: { fromRequestHeaders: { header: X-Api-Key } }
`;
const OWN_KEYS = `${route("main", RULES)}${BACKENDS}${gatewayKey("alice", "aigw_alice")}
${apiKey("openai", "sk-openai", { type: "APIKey", field: "apiKey", more: OVERRIDE })}`;

const overrides: readonly Case[] = [
  {
    name: "a key of the gateway is never taken for the caller's key of the provider",
    config: OWN_KEYS,
    request: { path: CHAT, headers: { "x-api-key": "aigw_alice" }, body: chat("one") },
    want: { status: 200, upstream: { headers: BASIC } },
  },
  {
    name: "beside a key of the gateway a caller may bring its key of the provider",
    config: OWN_KEYS,
    request: {
      path: CHAT,
      headers: { authorization: "Bearer aigw_alice", "x-api-key": "sk-mine" },
      body: chat("one"),
    },
    want: { status: 200, upstream: { headers: { authorization: "Bearer sk-mine", "x-api-key": undefined } } },
  },
];

/** Who calls. */
export const CALLERS: Group = {
  name: "callers",
  cases: [...accepted, ...refusals, ...others, ...clients, ...openRoute, ...tokens, ...overrides],
};

const UNFINISHED = `POST ${CHAT} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n`;

/** Who calls, before the body has come. */
export const CALLERS_EARLY: Group = {
  name: "callers, early",
  oneByOne: true,
  cases: [
    {
      name: "a bad key is refused while the body is still on its way",
      config: KEYS,
      request: { raw: `${UNFINISHED}x-api-key: aigw_other\r\n\r\n{"model":` },
      want: {
        status: 401,
        upstream: null,
        body: openai("Unauthorized", "401", "the API key or token is not valid"),
        log: { status: 401, "error.type": "unauthorized" },
      },
    },
  ],
};
