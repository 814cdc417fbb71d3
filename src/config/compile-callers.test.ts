import assert from "node:assert/strict";
import { test } from "node:test";
import { compileText, withoutPlaces } from "./test-configuration.ts";

const ROUTES = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec: {gatewayClassName: c, listeners: [{name: http, protocol: HTTP, port: 80}]}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec: {rules: []}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: s}
spec: {rules: []}
`;
const HASH = "a".repeat(64);

function callersOf(text: string) {
  const { config, faults } = compileText(`${ROUTES}---\n${text}`);
  return { callers: config.routes.map(({ callers }) => callers), faults: withoutPlaces(faults), config };
}

function policy(spec: string, target = "{group: gateway.networking.k8s.io, kind: Gateway, name: g}"): string {
  return `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: {name: p}
spec:
  targetRefs: [${target}]
  ${spec}
`;
}

const CLIENTS = `---
apiVersion: v1
kind: Secret
metadata: {name: clients}
stringData: {alice: key-of-alice, bob: "key-of-bob\\n"}
`;

test("without policies and keys everybody may call", () => {
  assert.deepEqual(callersOf("").callers, [undefined, undefined]);
});

test("without policies and keys nobody may call where callers are wanted", () => {
  const { config } = compileText(ROUTES, { closed: true });
  const nobody = { keys: [], apiKeys: [], tokens: [], optional: false };
  assert.deepEqual(
    config.routes.map(({ callers }) => callers),
    [nobody, nobody],
  );
});

test("keys of clients are for the Gateway's routes, and never printed", () => {
  const spec = `apiKeyAuth:
    credentialRefs: [{name: clients}]
    extractFrom: [{headers: [X-API-Key, Authorization]}, {params: [key], cookies: [session]}]
    forwardClientIDHeader: X-Client`;
  const { callers, faults, config } = callersOf(policy(spec) + CLIENTS);
  assert.deepEqual(faults, []);
  assert.equal(callers.length, 2);
  const [auth] = callers[0]?.apiKeys ?? [];
  assert.deepEqual(auth?.places, {
    headers: [
      { name: "x-api-key", prefix: "" },
      { name: "authorization", prefix: "Bearer " },
    ],
    queryParams: ["key"],
    cookies: ["session"],
  });
  assert.equal(auth?.clientIdHeader, "x-client");
  assert.deepEqual(
    auth?.clients.map(({ id, key }) => [id, key.reveal()]),
    [
      ["alice", "key-of-alice"],
      ["bob", "key-of-bob"],
    ],
  );
  assert.doesNotMatch(JSON.stringify(config), /key-of/);
});

test("a policy for a route goes before the Gateway's", () => {
  const jwt = (name: string) => `jwt: {providers: [{name: ${name}, remoteJWKS: {uri: "https://issuer.test/keys"}}]}`;
  const route = "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: s}";
  const both = `${policy(jwt("all"))}---\n${policy(jwt("own"), route).replace("name: p}", "name: q}")}`;
  const { callers, faults } = callersOf(both);
  assert.deepEqual(faults, []);
  assert.deepEqual(
    callers.map((auth) => auth?.tokens.map(({ provider }) => provider)),
    [["all"], ["own"]],
  );
});

test("a token provider is compiled with all it says", () => {
  const { callers, faults } = callersOf(
    policy(`jwt:
    optional: true
    providers:
      - name: corp
        issuer: https://issuer.test
        audiences: [aigw]
        remoteJWKS: {uri: "https://issuer.test/keys", cacheDuration: 10s}
        claimToHeaders: [{header: X-User, claim: sub}]
        extractFrom: {headers: [{name: X-Token, valuePrefix: "JWT "}], cookies: [t]}
      - name: local
        localJWKS: {type: ValueRef, valueRef: {kind: ConfigMap, name: keys}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: keys}
data: {jwks: '{"keys":[]}'}
`),
  );
  assert.deepEqual(faults, []);
  const [auth] = callers;
  assert.equal(auth?.optional, true);
  assert.deepEqual(auth?.tokens, [
    {
      policy: "default/p",
      provider: "corp",
      issuer: "https://issuer.test",
      audiences: ["aigw"],
      keySet: { from: "remote", uri: "https://issuer.test/keys", cacheMs: 10_000 },
      places: { headers: [{ name: "x-token", prefix: "JWT " }], queryParams: [], cookies: ["t"] },
      claimHeaders: [{ header: "x-user", claim: "sub" }],
    },
    {
      policy: "default/p",
      provider: "local",
      issuer: undefined,
      audiences: [],
      keySet: { from: "inline", jwks: '{"keys":[]}' },
      places: {
        headers: [{ name: "authorization", prefix: "Bearer " }],
        queryParams: ["access_token"],
        cookies: [],
      },
      claimHeaders: [],
    },
  ]);
});

function key(name: string, spec: string): string {
  return `apiVersion: aigw.dev/v1alpha1
kind: GatewayKey
metadata: {name: ${name}}
spec: {hashes: [{sha256: ${HASH}, expiresAt: "2027-01-01T00:00:00Z"}], ${spec}}
`;
}

test("keys that the gateway has issued are for every route beside them", () => {
  const { callers, faults } = callersOf(
    key(
      "alice",
      "owner: alice@example.com, team: research, attributes: {centre: '42'}, models: [gpt-*], revoked: true",
    ),
  );
  assert.deepEqual(faults, []);
  const want = {
    id: "default/alice",
    secrets: [{ sha256: HASH, expiresAtMs: Date.parse("2027-01-01T00:00:00Z") }],
    revoked: true,
    expiresAtMs: undefined,
    attributes: { centre: "42", owner: "alice@example.com", team: "research" },
    models: ["gpt-*"],
  };
  assert.deepEqual(
    callers,
    [1, 2].map(() => ({ apiKeys: [], tokens: [], optional: false, keys: [want] })),
  );
});

test("a budget of a key is a limit for its caller", () => {
  const { config } = callersOf(key("alice", "budgets: [{name: day, limit: {tokens: 5}, window: {type: Never}}]"));
  assert.partialDeepStrictEqual(config.limits[0], {
    id: "GatewayKey/default/alice/day",
    kind: "GatewayKey",
    conditions: [{ attribute: { from: "caller", name: "key" }, test: { type: "exact", values: ["default/alice"] } }],
  });
});

const PROVIDER = (fields: string) => policy(`jwt: {providers: [{name: a, ${fields}}]}`);
const AT = "SecurityPolicy default/p: spec.";
const UNENFORCED =
  "is not enforced by this gateway, so that requests it refuses would be served: remove it to accept that";

const WRONG: readonly { name: string; in: string; want: readonly string[] }[] = [
  { name: "what would be left open", in: policy("authorization: {}"), want: [`${AT}authorization: ${UNENFORCED}`] },
  {
    name: "two ways at once",
    in: `${policy(`apiKeyAuth: {credentialRefs: [{name: clients}], extractFrom: [{headers: [a]}]}
  jwt: {providers: [{name: a, remoteJWKS: {uri: "https://a.test"}}]}`)}${CLIENTS}`,
    want: [`${AT}jwt: must not be given beside apiKeyAuth: this gateway asks for one of them`],
  },
  {
    name: "a provider without keys",
    in: PROVIDER("issuer: x"),
    want: [`${AT}jwt.providers[0]: needs exactly one of remoteJWKS and localJWKS`],
  },
  {
    name: "keys in clear text",
    in: PROVIDER("remoteJWKS: {uri: 'http://issuer.test/keys'}"),
    want: [`${AT}jwt.providers[0].remoteJWKS.uri: must be an https:// address`],
  },
  {
    name: "keys that are none",
    in: PROVIDER("localJWKS: {inline: '{}'}"),
    want: [`${AT}jwt.providers[0].localJWKS.inline: is no JSON Web Key Set: {"keys": […]}`],
  },
  {
    name: "a key from nowhere",
    in: `${policy("apiKeyAuth: {credentialRefs: [{name: clients}], extractFrom: [{}]}")}${CLIENTS}`,
    want: [`${AT}apiKeyAuth.extractFrom[0]: needs headers, params or cookies`],
  },
  {
    name: "one key in two hands",
    in: `${key("alice", "owner: a")}---\n${key("bob", "owner: b")}`,
    want: ["GatewayKey default/bob: spec.hashes[0].sha256: is also that of GatewayKey default/alice"],
  },
  {
    name: "attributes that only the gateway gives, and a pattern in a name",
    in: key("alice", "attributes: {key: a, team: b}, models: ['*-mini']"),
    want: [
      "GatewayKey default/alice: spec.attributes.key: must not be given: it is the key's own name",
      "GatewayKey default/alice: spec.attributes.team: belongs into the field team",
      "GatewayKey default/alice: spec.models[0]: may have * only at its end, for the rest of a name",
    ],
  },
];

for (const { name, in: text, want } of WRONG) {
  test(`what is wrong about callers is reported at its place: ${name}`, () => {
    assert.deepEqual(callersOf(text).faults, want);
  });
}

test("routes that have the same keys share one list of them", () => {
  const key = `apiVersion: aigw.dev/v1alpha1
kind: GatewayKey
metadata: {name: k}
spec: {hashes: [{sha256: ${HASH}}]}
`;
  const [first, second] = callersOf(key).callers;
  assert.equal(first?.keys.length, 1);
  assert.equal(first?.keys, second?.keys);
});

test("a key set of something else than keys is a fault", () => {
  const spec = `jwt: {providers: [{name: a, localJWKS: {type: Inline, inline: '{"keys": [1]}'}}]}`;
  assert.match(callersOf(policy(spec)).faults.join(), /is no JSON Web Key Set/);
});
