import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { type OidcProviderOptions, playOidc, verifyOidcToken } from "../../test/token-servers/oidc.ts";
import { TokenServers, trustIssuers } from "../../test/token-servers/token-servers.ts";
import type { OidcClient } from "../config/backend-auth.ts";
import { Secret } from "../config/secret.ts";
import type { Issued } from "./credential-source.ts";
import { oidcToken } from "./oidc-token.ts";

const SECRET = "s3cr+t /%";
const PROVIDER = { clientId: "gateway", clientSecret: SECRET };
const NOW_MS = 1_700_000_000_000;

let servers: TokenServers;
before(async () => {
  trustIssuers();
  servers = await TokenServers.start();
});
after(() => servers.stop());
beforeEach(() => {
  servers.faults.clear();
  servers.seen.length = 0;
});

function client(changes: Partial<OidcClient> = {}): OidcClient {
  return {
    issuer: `${servers.url}/oidc`,
    tokenEndpoint: undefined,
    clientId: "gateway",
    clientSecret: new Secret(`${SECRET}\n`),
    scopes: [],
    audience: undefined,
    ...changes,
  };
}

function get(changes: Partial<OidcClient> = {}, signal = new AbortController().signal): Promise<Issued<string>> {
  return oidcToken(client(changes), { nowMs: () => NOW_MS, signal });
}

const issued: { name: string; provider?: Partial<OidcProviderOptions>; client?: Partial<OidcClient>; want: string }[] =
  [
    { name: "the access token is the token", want: "access" },
    { name: "the ID token is preferred", provider: { idToken: true }, want: "id" },
    {
      name: "scopes and audience are asked for",
      provider: { scope: "api gateway", audience: "https://sts.test" },
      client: { scopes: ["api", "gateway"], audience: "https://sts.test" },
      want: "access",
    },
    {
      name: "the secret goes into the body where the provider takes it there",
      provider: { authMethods: ["client_secret_basic", "client_secret_post"] },
      want: "access",
    },
  ];

for (const { name, provider, client: changes, want } of issued) {
  test(name, async () => {
    const { issuer } = playOidc(servers, { ...PROVIDER, expiresIn: 600, ...provider });
    const { credential, expiresAtMs } = await get(changes);
    assert.equal((await verifyOidcToken(credential, issuer))["use"], want);
    assert.equal(expiresAtMs, NOW_MS + 600_000);
    assert.equal(servers.seen[1]?.headers.authorization === undefined, provider?.authMethods !== undefined);
    assert.deepEqual(
      servers.seen.map(({ method, path }) => `${method} ${path}`),
      ["GET /oidc/.well-known/openid-configuration", "POST /oidc/token"],
    );
  });
}

test("a token endpoint in the configuration makes discovery needless", async () => {
  playOidc(servers, PROVIDER);
  await get({ tokenEndpoint: `${servers.url}/oidc/token` });
  assert.deepEqual(
    servers.seen.map(({ path }) => path),
    ["/oidc/token"],
  );
});

test("where the answer does not tell, the token says when it ends", async () => {
  playOidc(servers, { ...PROVIDER, lifeSeconds: 1200 });
  const soonest = Date.now() + 1_190_000;
  const { expiresAtMs } = await get();
  assert.ok(expiresAtMs >= soonest && expiresAtMs <= soonest + 20_000, String(expiresAtMs));
});

test("a token of which nobody tells is taken to live five minutes", async () => {
  playOidc(servers, { ...PROVIDER, opaque: true });
  assert.deepEqual(await get(), { credential: "opaque-access-token", expiresAtMs: NOW_MS + 300_000 });
});

const faults: {
  name: string;
  fault: { status: number; body: unknown; headers?: Record<string, string> };
  want: RegExp;
}[] = [
  {
    name: "an error in the answer",
    fault: { status: 400, body: { error: "invalid_scope" } },
    want: /answered 400 invalid_scope$/,
  },
  { name: "an error without words", fault: { status: 500, body: SECRET }, want: /answered 500$/ },
  { name: "garbage", fault: { status: 200, body: `<html>${SECRET}` }, want: /answered 200: .*content-type/ },
  {
    name: "JSON that is no discovery document",
    fault: { status: 200, body: { issuer: SECRET } },
    want: /answered 200: /,
  },
  {
    name: "another provider's discovery document",
    fault: { status: 200, body: { issuer: "https://evil.test", token_endpoint: "https://evil.test/token" } },
    want: /answered 200: .*"issuer" property does not match/,
  },
  {
    name: "a redirect, which is not followed",
    fault: { status: 307, body: "", headers: { location: "https://localhost/elsewhere" } },
    want: /answered 307$/,
  },
  {
    name: "an answer without end",
    fault: { status: 200, body: "x".repeat(2 << 20) },
    want: /could not be asked \(ANSWER_TOO_LONG\)$/,
  },
];

for (const { name, fault, want } of faults) {
  test(`${name} is told with the host, without secrets`, async () => {
    servers.faults.set("127.0.0.1", fault);
    const error = await rejection(get());
    assert.match(error.message, want);
    assert.match(error.message, new RegExp(`^token of the OpenID provider ${servers.url}/oidc: 127.0.0.1:\\d+ `));
    assert.equal(error.cause, undefined);
    assert.ok(!error.message.includes(SECRET));
  });
}

test("a wrong secret is told by the provider's code, not by its words", async () => {
  playOidc(servers, PROVIDER);
  const error = await rejection(get({ clientSecret: new Secret("wrong-secret") }));
  assert.match(error.message, /answered 401 invalid_client$/);
  assert.ok(!error.message.includes("wrong-secret"));
});

test("a discovery document that leads to clear text is not followed", async () => {
  const { issuer } = playOidc(servers, PROVIDER);
  servers.faults.set("127.0.0.1", { status: 200, body: { issuer, token_endpoint: "http://issuer.test/token" } });
  await assert.rejects(get(), /the URL of issuer\.test must begin with https:\/\//);
});

test("a provider that does not answer is left when the signal says so", async () => {
  servers.faults.set("127.0.0.1", "hang");
  await assert.rejects(get({}, AbortSignal.timeout(50)), /127\.0\.0\.1:\d+ did not answer in time$/);
});

test("a provider that is not there is named with the network's error", async () => {
  await assert.rejects(get({ issuer: "https://127.0.0.1:1/" }), /127\.0\.0\.1:1 could not be asked \(ECONNREFUSED\)$/);
});

async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  assert.fail("should reject");
}
