import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, beforeEach, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { playEntra } from "../../test/token-servers/entra.ts";
import { ISSUERS_CA, TokenServers } from "../../test/token-servers/token-servers.ts";
import type { AwsAuth, AzureAuth, BackendAuth } from "../config/backend-auth.ts";
import { Secret } from "../config/secret.ts";
import { HeaderMap } from "../wire/headers.ts";
import { credentialMetrics } from "./credential-health.ts";
import { CredentialStore } from "./credential-store.ts";
import { TestWorld } from "./test-context.ts";

const ENTRA = { tenantId: "t", clientId: "c", accessToken: "entra-token", proof: { clientSecret: "right" } };
const HOST = "login.microsoftonline.com";
const NOBODY = { headers: new HeaderMap(), metadata: undefined };

let servers: TokenServers;
before(async () => {
  setDefaultCACertificates([...getCACertificates("default"), readFileSync(ISSUERS_CA, "utf8")]);
  servers = await TokenServers.start();
  playEntra(servers, ENTRA);
});
after(() => servers.stop());
beforeEach(() => {
  servers.seen.length = 0;
  servers.faults.clear();
});

function azure(clientSecret = "right"): AzureAuth {
  const source = { from: "client-secret", clientSecret: new Secret(clientSecret) } as const;
  return {
    type: "AzureCredentials",
    policy: "default/azure",
    override: undefined,
    tenantId: "t",
    clientId: "c",
    source,
  };
}

function keys(...values: string[]): BackendAuth {
  const secrets = values.map((value) => new Secret(value));
  return { type: "APIKey", policy: "default/keys", keys: secrets, override: undefined };
}

/** A store with its exchanges at the stand-ins. */
function opened(t: { after(end: () => void): void }) {
  const world = new TestWorld({ AI_GATEWAY_AZURE_PROXY_URL: servers.proxyUrl });
  const store = new CredentialStore(world.context);
  t.after(() => store.close());
  return { world, store };
}

function request() {
  return { method: "POST", path: "/", authority: "a.example", headers: new HeaderMap(), body: Buffer.alloc(0) };
}

/** What a credential writes, after waiting for it where that is needed. */
async function signedBy(store: CredentialStore, auth: BackendAuth): Promise<readonly string[]> {
  const unsigned = request();
  await store.of(auth).pending(NOBODY);
  store.of(auth).sign(unsigned, NOBODY);
  return unsigned.headers.flat;
}

const exchanges = () => servers.seenBy(HOST).filter(({ method }) => method === "POST").length;

test("a thousand first requests make one exchange, and the next ones wait for nothing", async (t) => {
  const { store } = opened(t);
  const auth = azure();
  const waits = Array.from({ length: 1000 }, () => store.of(auth).pending(NOBODY));
  assert.equal(waits.includes(undefined), false);
  await Promise.all(waits);
  assert.equal(store.of(auth).pending(NOBODY), undefined);
  assert.deepEqual(await signedBy(store, auth), ["authorization", "Bearer entra-token"]);
  assert.equal(exchanges(), 1);
});

test("equal configurations share a credential, across reloads as well", async (t) => {
  const { store } = opened(t);
  store.retain([azure()]);
  await signedBy(store, azure());
  store.retain([azure()]);
  await signedBy(store, azure());
  assert.equal(exchanges(), 1);
});

test("another secret is another credential", async (t) => {
  const { store } = opened(t);
  const before = azure("wrong");
  store.retain([before]);
  await assert.rejects(signedBy(store, before), { code: "credentials_unavailable", message: /default\/azure/ });
  store.retain([azure()]);
  assert.deepEqual(await signedBy(store, azure()), ["authorization", "Bearer entra-token"]);
});

test("what a configuration names is got before anybody asks, and what it does not name any more is let go", async (t) => {
  const { store } = opened(t);
  const auth = azure();
  store.retain([auth]);
  await store.of(auth).pending(NOBODY);
  assert.equal(exchanges(), 1);
  assert.equal(store.health().length, 1);
  store.retain([]);
  assert.deepEqual(store.health(), []);
  // Requests that began before the reload still have it.
  assert.equal(store.of(auth).pending(NOBODY), undefined);
});

test("health and metrics tell how credentials are, without any secret", async (t) => {
  const { world, store } = opened(t);
  const [right, wrong] = [azure(), { ...azure("wrong-canary"), policy: "default/wrong" }];
  store.retain([right, wrong, keys("k1"), keys("k2", "k3")]);
  assert.deepEqual(
    store.health().map(({ ok, message }) => ({ ok, message })),
    [
      { ok: false, message: "" },
      { ok: false, message: "" },
    ],
  );
  await Promise.allSettled([signedBy(store, right), signedBy(store, wrong)]);
  const [good, bad] = store.health();
  assert.deepEqual([good?.policy, good?.ok, good?.message], ["default/azure", true, ""]);
  assert.ok((good?.expiresAtMs ?? 0) > world.now);
  assert.deepEqual([bad?.policy, bad?.ok, bad?.expiresAtMs], ["default/wrong", false, undefined]);
  assert.match(bad?.message ?? "", /invalid_client/);
  store.of(keys("k2", "k3")).sign(request(), NOBODY)?.(429, new HeaderMap());
  const ends = good?.expiresAtMs ?? 0;
  const metrics = credentialMetrics(store.all, ends - 3_600_000).flatMap(({ name, series }) =>
    series.map(({ labels, values }) => `${name}{${labels}} ${values.join()}`),
  );
  assert.deepEqual(metrics, [
    'aigw_credential_exchanges_total{policy="default/azure",result="ok"} 1',
    'aigw_credential_exchanges_total{policy="default/azure",result="failed"} 0',
    'aigw_credential_exchanges_total{policy="default/wrong",result="ok"} 0',
    'aigw_credential_exchanges_total{policy="default/wrong",result="failed"} 1',
    'aigw_credential_expiry_seconds{policy="default/azure"} 3600',
    'aigw_credential_expiry_seconds{policy="default/wrong"} 0',
    'aigw_credential_keys_resting{policy="default/keys"} 1',
    'aigw_credential_key_rests_total{policy="default/keys",status="429"} 1',
  ]);
  assert.doesNotMatch(JSON.stringify([store.health(), metrics, world.lines]), /canary|entra-token/);
});

test("a caller that brings its own credential waits for nothing", async (t) => {
  const { store } = opened(t);
  const override = { from: "headers", header: "x-token", fallbackToConfigured: true } as const;
  const auth = { ...azure(), override };
  const caller = { headers: new HeaderMap(["x-token", "own"]), metadata: undefined };
  assert.equal(store.of(auth).pending(caller), undefined);
  const unsigned = request();
  store.of(auth).sign(unsigned, caller);
  assert.deepEqual(unsigned.headers.flat, ["authorization", "Bearer own"]);
});

test("where callers have to bring their own credential, none is got for them", async (t) => {
  const { store } = opened(t);
  const override = { from: "headers", header: "x-token", fallbackToConfigured: false } as const;
  const auth = { ...azure("wrong"), override };
  store.retain([auth]);
  await assert.rejects(signedBy(store, auth), { code: "unauthorized" });
  assert.equal(exchanges(), 0);
  assert.deepEqual(store.health(), []);
});

test("AWS credentials of a file sign for the host that the request has", async (t) => {
  const { store } = opened(t);
  const text = new Secret("[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n");
  const auth: AwsAuth = {
    ...{ type: "AWSCredentials", policy: "default/aws", override: undefined, region: "eu-west-1" },
    source: { from: "file", text, profile: "default" },
  };
  const [, date, , authorization] = await signedBy(store, auth);
  assert.equal(date, "19700101T001640Z");
  assert.match(authorization ?? "", /Credential=AKIDEXAMPLE\/19700101\/eu-west-1\/bedrock\/aws4_request, /);
});

test("no policy signs nothing", async (t) => {
  const { store } = opened(t);
  assert.deepEqual(await signedBy(store, { type: "none" }), []);
  assert.deepEqual(store.all, []);
});
