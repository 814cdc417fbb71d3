import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiKeyAuth, GatewayKey } from "../config/callers.ts";
import { Secret } from "../config/secret.ts";
import type { Identification } from "./identity.ts";
import { keyDigest } from "./prepare.ts";
import { callerAuth, NOW, SigningKey, Stage, tokenAuth } from "./test-tokens.ts";

function gatewayKey(changes: Partial<GatewayKey> = {}): GatewayKey {
  return {
    id: "default/alice",
    secrets: [{ sha256: keyDigest("aigw_new"), expiresAtMs: undefined }],
    revoked: false,
    expiresAtMs: undefined,
    attributes: { owner: "alice@example.com", team: "search" },
    models: [],
    ...changes,
  };
}

const CLIENTS: ApiKeyAuth = {
  policy: "default/p",
  places: { headers: [{ name: "x-key", prefix: "" }], queryParams: ["k"], cookies: ["session"] },
  clients: [
    { id: "bob", key: new Secret("key-of-bob") },
    { id: "nobody", key: new Secret("") },
  ],
  clientIdHeader: "x-client",
};

function now(identified: Identification | Promise<Identification>): Identification {
  assert.ok(!(identified instanceof Promise), "known at once");
  return identified;
}

for (const { name, headers = [], target = "/v1/models" } of [
  { name: "OpenAI's", headers: ["authorization", "Bearer aigw_new"] },
  { name: "OpenAI's, in other letters", headers: ["authorization", "bearer  aigw_new "] },
  { name: "Anthropic's", headers: ["x-api-key", "aigw_new"] },
  { name: "Azure's", headers: ["api-key", "aigw_new"] },
  { name: "Gemini's", headers: ["x-goog-api-key", "aigw_new"] },
  { name: "Gemini's in the URL", target: "/v1beta/models?alt=sse&key=aigw_new" },
]) {
  test(`a key is taken from where ${name} clients put it`, () => {
    const key = gatewayKey();
    const { identities, shown } = now(new Stage([callerAuth({ keys: [key] })]).identify(headers, target));
    assert.equal(identities.length, 1);
    assert.deepEqual(shown, ["aigw_new"]);
    assert.deepEqual(Object.fromEntries(identities[0]?.caller.attributes ?? []), {
      key: "default/alice",
      owner: "alice@example.com",
      team: "search",
    });
    assert.deepEqual(identities[0]?.from, [key]);
  });
}

const OLD = { sha256: keyDigest("aigw_old"), expiresAtMs: NOW * 1000 + 1 };
const NEW = { sha256: keyDigest("aigw_new"), expiresAtMs: undefined };

for (const { name, key = gatewayKey(), given, laterMs = 0, want } of [
  { name: "no key", given: "", want: "missing" },
  { name: "another key", given: "aigw_other", want: "invalid" },
  { name: "the hash of a key", given: keyDigest("aigw_new"), want: "invalid" },
  { name: "a revoked key", key: gatewayKey({ revoked: true }), given: "aigw_new", want: "revoked" },
  { name: "a key that expires later", key: gatewayKey({ expiresAtMs: NOW * 1000 + 1 }), given: "aigw_new", want: "" },
  { name: "a key at its end", key: gatewayKey({ expiresAtMs: NOW * 1000 }), given: "aigw_new", want: "expired" },
  { name: "the old of two secrets", key: gatewayKey({ secrets: [OLD, NEW] }), given: "aigw_old", want: "" },
  { name: "the new of two secrets", key: gatewayKey({ secrets: [OLD, NEW] }), given: "aigw_new", laterMs: 1, want: "" },
  {
    name: "the old of two secrets at its end",
    key: gatewayKey({ secrets: [OLD, NEW] }),
    given: "aigw_old",
    laterMs: 1,
    want: "expired",
  },
  {
    name: "a secret that outlives its key",
    key: gatewayKey({ secrets: [OLD], expiresAtMs: NOW * 1000 }),
    given: "aigw_old",
    want: "expired",
  },
]) {
  test(`${name}: ${want || "good"}`, () => {
    const one = new Stage([callerAuth({ keys: [key] })]);
    one.nowMs += laterMs;
    const { identities, doubt } = now(one.identify(given === "" ? [] : ["x-api-key", given]));
    assert.equal(identities.length === 0 ? doubt : "", want);
  });
}

for (const { name, headers = [], target = "/", want } of [
  { name: "a header", headers: ["x-key", "key-of-bob"], want: "bob" },
  { name: "a query parameter", target: "/v1/models?k=key%2Dof-bob", want: "bob" },
  { name: "a cookie", headers: ["cookie", 'a=b; session="key-of-bob"; c=d'], want: "bob" },
  { name: "a header that is not said", headers: ["x-api-key", "key-of-bob"], want: undefined },
  { name: "a cookie of another name", headers: ["cookie", "xsession=key-of-bob"], want: undefined },
  { name: "a header with nothing in it", headers: ["x-key", ""], want: undefined },
]) {
  test(`a client's key in ${name} ${want === undefined ? "tells nobody" : `tells ${want}`}`, () => {
    const { identities } = now(new Stage([callerAuth({ apiKeys: [CLIENTS] })]).identify(headers, target));
    const headersSet = want === undefined ? undefined : [{ name: "x-client", value: want }];
    assert.equal(identities[0]?.caller.attributes.get("key"), want);
    assert.deepEqual(identities[0]?.headers, headersSet);
  });
}

test("a route takes only what it lists, also of a key that two policies have", () => {
  const other = { ...CLIENTS, policy: "default/q" };
  const [first, second] = [callerAuth({ apiKeys: [CLIENTS] }), callerAuth({ apiKeys: [other] })];
  const third = callerAuth({ keys: [gatewayKey()] });
  const one = new Stage([first, second, third]);
  const { identities } = now(one.identify(["x-key", "key-of-bob"]));
  const acceptedBy = [first, second, third].map(
    (auth) => identities.filter((id) => one.callers.accepts(auth, id)).length,
  );
  assert.deepEqual(acceptedBy, [1, 1, 0]);
});

test("a key and a token are both told, the key first", async () => {
  const issuer = new SigningKey("k");
  const one = new Stage([callerAuth({ keys: [gatewayKey()], tokens: [tokenAuth()] })], [issuer]);
  const { identities } = await one.identify(["authorization", `Bearer ${issuer.token()}`, "x-api-key", "aigw_new"]);
  assert.deepEqual(
    identities.map(({ caller }) => caller.attributes.get("key") ?? caller.attributes.get("user")),
    ["default/alice", "alice"],
  );
});

for (const { name, auths, want } of [
  { name: "while there is none yet, is no good key", auths: [callerAuth({})], want: "invalid" },
  {
    name: "is not looked for where there are tokens only",
    auths: [callerAuth({ tokens: [tokenAuth()] })],
    want: "missing",
  },
]) {
  test(`a key ${name}`, () => {
    assert.equal(now(new Stage(auths).identify(["x-api-key", "aigw_new"])).doubt, want);
  });
}

for (const { name, auths, want } of [
  { name: "every route wants a caller", auths: [callerAuth({})], want: true },
  { name: "a route is open", auths: [callerAuth({}), undefined], want: false },
  { name: "a route takes those without credentials too", auths: [callerAuth({ optional: true })], want: false },
]) {
  test(`a listener is ${want ? "" : "not "}closed where ${name}`, () => {
    assert.equal(new Stage(auths).callers.isClosed, want);
  });
}

test("attributes and headers are what the token says", async () => {
  const issuer = new SigningKey("k");
  const claims = [
    { header: "x-user", claim: "sub" },
    { header: "x-roles", claim: "realm.roles" },
    { header: "x-tenant", claim: "https://issuer.test/tenant.id" },
    { header: "x-level", claim: "level" },
    { header: "x-admin", claim: "admin" },
    { header: "x-realm", claim: "realm" },
    { header: "x-proto", claim: "constructor.name" },
    { header: "x-name", claim: "name" },
  ];
  const one = new Stage([callerAuth({ tokens: [tokenAuth({ claimHeaders: claims })] })], [issuer]);
  const token = issuer.token({
    realm: { roles: ["a", "b"], deep: { on: true } },
    "https://issuer.test/tenant.id": "t-1",
    ...{ level: 3, admin: false, name: "Zoë\r\nx-admin: true" },
    mixed: [{}],
  });
  const [identity] = (await one.identify(["authorization", `Bearer ${token}`])).identities;
  assert.deepEqual(Object.fromEntries(identity?.caller.attributes ?? []), {
    user: "alice",
    ...{ "claim.iss": "https://issuer.test", "claim.aud": "gateway", "claim.sub": "alice" },
    ...{ "claim.iat": String(NOW), "claim.exp": String(NOW + 300) },
    ...{ "claim.realm.roles": "a,b", "claim.realm.deep.on": "true" },
    "claim.https://issuer.test/tenant.id": "t-1",
    ...{ "claim.level": "3", "claim.admin": "false", "claim.name": "Zoë\r\nx-admin: true" },
  });
  assert.deepEqual(identity?.headers, [
    { name: "x-user", value: "alice" },
    { name: "x-roles", value: "a,b" },
    { name: "x-tenant", value: "t-1" },
    { name: "x-level", value: "3" },
    { name: "x-admin", value: "false" },
    { name: "x-name", value: "Zo%C3%AB%0D%0Ax-admin%3A%20true" },
  ]);
  assert.deepEqual(
    one.callers.ownHeaders,
    claims.map(({ header }) => header),
  );
});
