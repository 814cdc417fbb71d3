import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { type EntraOptions, playEntra } from "../../test/token-servers/entra.ts";
import { playOidc, verifyOidcToken } from "../../test/token-servers/oidc.ts";
import { type Answer, TokenServers, trustIssuers } from "../../test/token-servers/token-servers.ts";
import type { AzureAuth } from "../config/backend-auth.ts";
import { Secret } from "../config/secret.ts";
import { azureSource } from "./azure-source.ts";
import type { Issued } from "./credential-source.ts";
import { TestWorld } from "./test-context.ts";

const SECRET = "azure-client-secret";
const TENANT = "11111111-2222-3333-4444-555555555555";
const CLIENT = "66666666-7777-8888-9999-000000000000";
const TOKEN = "entra-access-token";
const ENTRA = { tenantId: TENANT, clientId: CLIENT, accessToken: TOKEN, proof: { clientSecret: SECRET } };
const PUBLIC_CLOUD = "login.microsoftonline.com";

let servers: TokenServers;
const directory = mkdtempSync(join(tmpdir(), "azure-"));
before(async () => {
  trustIssuers();
  servers = await TokenServers.start();
});
after(async () => {
  rmSync(directory, { recursive: true });
  await servers.stop();
});
beforeEach(() => {
  for (const map of [servers.issuers, servers.faults]) map.clear();
  for (const list of [servers.seen, servers.tunnels]) list.length = 0;
});

interface Asked {
  readonly source?: AzureAuth["source"];
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

function get({
  source,
  env = { AI_GATEWAY_AZURE_PROXY_URL: servers.proxyUrl },
  signal,
}: Asked = {}): Promise<Issued<string>> {
  const auth: AzureAuth = {
    type: "AzureCredentials",
    policy: "default/azure",
    override: undefined,
    tenantId: TENANT,
    clientId: CLIENT,
    source: source ?? { from: "client-secret", clientSecret: new Secret(`${SECRET}\n`) },
  };
  return azureSource(auth, new TestWorld(env).context)(signal ?? new AbortController().signal);
}

function isAboutNow(timeMs: number, laterMs: number): boolean {
  const distance = Date.now() + laterMs - timeMs;
  return distance > -5_000 && distance < 30_000;
}

test("a client secret is exchanged at the public cloud, through the proxy, and nobody else is asked", async () => {
  playEntra(servers, { ...ENTRA, expiresIn: 1800 });
  const { credential, expiresAtMs } = await get();
  assert.equal(credential, TOKEN);
  assert.ok(isAboutNow(expiresAtMs, 1_800_000), String(expiresAtMs));
  assert.deepEqual(new Set(servers.tunnels), new Set([`${PUBLIC_CLOUD}:443`]));
  assert.deepEqual(
    servers.seen.filter(({ method }) => method === "POST").map(({ path }) => path.replace(/\?.*/, "")),
    [`/${TENANT}/oauth2/v2.0/token`],
  );
});

test("each exchange asks anew: the library keeps no token", async () => {
  playEntra(servers, ENTRA);
  await get();
  playEntra(servers, { ...ENTRA, accessToken: "second" });
  assert.equal((await get()).credential, "second");
});

test("AZURE_AUTHORITY_HOST is asked instead of the public cloud, which is not asked about it", async () => {
  playEntra(servers, { ...ENTRA, host: "127.0.0.1" });
  const env = { AZURE_AUTHORITY_HOST: `${servers.url}/` };
  assert.equal((await get({ env })).credential, TOKEN);
  assert.deepEqual(servers.tunnels, []);
});

test("an authority host without HTTPS is refused before anything is sent", async () => {
  const env = { AZURE_AUTHORITY_HOST: "http://login.test" };
  await assert.rejects(get({ env }), /AZURE_AUTHORITY_HOST must begin with https:\/\//);
});

test("the token of an OpenID provider is the client assertion", async () => {
  const { issuer } = playOidc(servers, { clientId: "gateway", clientSecret: "oidc-secret", idToken: true });
  const isAssertion: Extract<EntraOptions["proof"], { isAssertion: unknown }>["isAssertion"] = async (assertion) =>
    (await verifyOidcToken(assertion, issuer))["use"] === "id";
  playEntra(servers, { ...ENTRA, proof: { isAssertion } });
  const oidc = {
    issuer,
    tokenEndpoint: undefined,
    clientId: "gateway",
    clientSecret: new Secret("oidc-secret"),
    scopes: [],
    audience: undefined,
  };
  assert.equal((await get({ source: { from: "oidc", oidc } })).credential, TOKEN);
});

test("workload identity: the token in the pod's file is the client assertion, as it is at the time", async () => {
  const path = join(directory, "token");
  const env = { AI_GATEWAY_AZURE_PROXY_URL: servers.proxyUrl, AZURE_FEDERATED_TOKEN_FILE: path };
  for (const token of ["first-pod-token", "renewed-pod-token"]) {
    writeFileSync(path, `${token}\n`);
    playEntra(servers, { ...ENTRA, proof: { isAssertion: (assertion) => assertion === token } });
    assert.equal((await get({ source: { from: "workload-identity" }, env })).credential, TOKEN);
  }
});

const unready: { name: string; env: Record<string, string>; want: RegExp }[] = [
  { name: "without a file in the environment", env: {}, want: /AZURE_FEDERATED_TOKEN_FILE is not set$/ },
  {
    name: "with a file that is not there",
    env: { AZURE_FEDERATED_TOKEN_FILE: join(directory, "none") },
    want: /the file that AZURE_FEDERATED_TOKEN_FILE names cannot be read \(ENOENT\)$/,
  },
];

for (const { name, env, want } of unready) {
  test(`workload identity ${name} says so`, async () => {
    await assert.rejects(get({ source: { from: "workload-identity" }, env }), want);
  });
}

const faults: { name: string; fault: Answer; want: RegExp }[] = [
  { name: "an error of the server", fault: { status: 503, body: SECRET }, want: /answered 503$/ },
  { name: "garbage", fault: { status: 200, body: `<html>${SECRET}` }, want: /answered 200: \w+$/ },
  { name: "an answer without a token", fault: { status: 200, body: { token_type: "Bearer" } }, want: /answered 200: / },
  {
    name: "an error code that may be anything",
    fault: { status: 400, body: { error: `invalid ${SECRET}`, error_codes: [SECRET] } },
    want: /answered 400$/,
  },
];

for (const { name, fault, want } of faults) {
  test(`${name} is told with the host, without secrets`, async () => {
    servers.faults.set(PUBLIC_CLOUD, fault);
    const error = await rejection(get());
    assert.match(error.message, want);
    assert.match(error.message, /^token of Microsoft Entra ID: login\.microsoftonline\.com /);
    assert.ok(!error.message.includes(SECRET));
    assert.equal(error.cause, undefined);
  });
}

test("a wrong secret is told by its codes, not by the answer's words", async () => {
  playEntra(servers, { ...ENTRA, proof: { clientSecret: "another" } });
  const error = await rejection(get());
  assert.equal(
    error.message,
    "token of Microsoft Entra ID: login.microsoftonline.com answered 401 invalid_client AADSTS7000215",
  );
});

test("a server that does not answer is left when the signal says so", async () => {
  servers.faults.set(PUBLIC_CLOUD, "hang");
  await assert.rejects(
    get({ signal: AbortSignal.timeout(100) }),
    /login\.microsoftonline\.com did not answer in time$/,
  );
});

test("a proxy that is not there is told without its own credentials", async () => {
  const error = await rejection(get({ env: { AI_GATEWAY_AZURE_PROXY_URL: "http://user:hunter2@127.0.0.1:1" } }));
  assert.match(error.message, /login\.microsoftonline\.com could not be asked \(ECONNREFUSED\)$/);
  assert.ok(!error.message.includes("hunter2"));
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
