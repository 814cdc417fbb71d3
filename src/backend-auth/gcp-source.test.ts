import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import {
  playGoogleIam,
  playGoogleSts,
  playGoogleToken,
  SERVICE_ACCOUNT,
  serviceAccountJson,
} from "../../test/token-servers/google.ts";
import { playOidc, verifyOidcToken } from "../../test/token-servers/oidc.ts";
import { type Answer, ISSUERS_KEY, TokenServers, trustIssuers } from "../../test/token-servers/token-servers.ts";
import type { GcpAuth } from "../config/backend-auth.ts";
import { Secret } from "../config/secret.ts";
import type { Issued } from "./credential-source.ts";
import { gcpSource } from "./gcp-source.ts";
import { TestWorld } from "./test-context.ts";

const NOW_MS = 1_700_000_000_000;
const TOKEN = "google-access-token";
const AUDIENCE = "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/providers/oidc";

let servers: TokenServers;
before(async () => {
  trustIssuers();
  servers = await TokenServers.start();
});
after(() => servers.stop());
beforeEach(() => {
  for (const map of [servers.issuers, servers.faults]) map.clear();
  for (const list of [servers.seen, servers.tunnels]) list.length = 0;
});

function get(source: GcpAuth["source"], signal = new AbortController().signal): Promise<Issued<string>> {
  const common = { type: "GCPCredentials", policy: "default/gcp", override: undefined } as const;
  const auth: GcpAuth = { ...common, project: "my-project", region: "us-central1", source };
  const world = new TestWorld({ AI_GATEWAY_GCP_AUTH_PROXY_URL: servers.proxyUrl });
  world.now = NOW_MS;
  return gcpSource(auth, world.context)(signal);
}

function key(changes: Readonly<Record<string, unknown>> = {}): GcpAuth["source"] {
  return { from: "file", key: new Secret(serviceAccountJson(changes)) };
}

function federation(serviceAccount?: string): GcpAuth["source"] {
  const { issuer } = playOidc(servers, { clientId: "gateway", clientSecret: "oidc-secret" });
  playGoogleSts(servers, {
    audience: AUDIENCE,
    isSubject: async (token) => (await verifyOidcToken(token, issuer))["use"] === "access",
    federatedToken: "federated-token",
    expiresIn: 900,
  });
  playGoogleIam(servers, {
    account: SERVICE_ACCOUNT,
    bearer: "federated-token",
    accessToken: TOKEN,
    expireTime: "2023-11-14T23:13:20Z",
  });
  const oidc = {
    issuer,
    tokenEndpoint: undefined,
    clientId: "gateway",
    clientSecret: new Secret("oidc-secret"),
    scopes: [],
    audience: undefined,
  };
  return { from: "federation", federation: { oidc, audience: AUDIENCE, serviceAccount } };
}

test("a service account's key signs an assertion that is exchanged through the proxy", async () => {
  const { claims } = playGoogleToken(servers, { accessToken: TOKEN, expiresIn: 1800, nowMs: NOW_MS });
  assert.deepEqual(await get(key()), { credential: TOKEN, expiresAtMs: NOW_MS + 1_800_000 });
  assert.deepEqual(servers.tunnels, ["oauth2.googleapis.com:443"]);
  const issuedAt = NOW_MS / 1000;
  assert.deepEqual(claims, [
    {
      iss: SERVICE_ACCOUNT,
      scope: "https://www.googleapis.com/auth/cloud-platform",
      aud: "https://oauth2.googleapis.com/token",
      iat: issuedAt,
      exp: issuedAt + 3600,
    },
  ]);
  const assertion = servers.seen[0]?.form.get("assertion") ?? "";
  const header = JSON.parse(Buffer.from(assertion.split(".")[0] ?? "", "base64url").toString());
  assert.deepEqual(header, { alg: "RS256", typ: "JWT", kid: "key-1" });
});

test("the key's own token_uri is asked", async () => {
  const answer = { access_token: "elsewhere", token_type: "Bearer", expires_in: 60 };
  servers.issuers.set("127.0.0.1", () => ({ status: 200, body: answer }));
  const issued = await get(key({ token_uri: `${servers.url}/google/token` }));
  assert.deepEqual(issued, { credential: "elsewhere", expiresAtMs: NOW_MS + 60_000 });
  assert.equal(servers.seen[0]?.path, "/google/token");
});

test("a federated identity is exchanged at the token service", async () => {
  const issued = await get(federation());
  assert.deepEqual(issued, { credential: "federated-token", expiresAtMs: NOW_MS + 900_000 });
  assert.deepEqual(servers.tunnels, ["sts.googleapis.com:443"]);
});

test("a federated identity impersonates a service account", async () => {
  const issued = await get(federation(SERVICE_ACCOUNT));
  assert.deepEqual(issued, { credential: TOKEN, expiresAtMs: Date.parse("2023-11-14T23:13:20Z") });
  assert.deepEqual(new Set(servers.tunnels), new Set(["sts.googleapis.com:443", "iamcredentials.googleapis.com:443"]));
});

test("an impersonation that is not allowed is told by Google's word for it", async () => {
  const error = await rejection(get(federation("other@my-project.iam.gserviceaccount.com")));
  assert.equal(error.message, "token of the federated identity: iamcredentials.googleapis.com answered 404 NOT_FOUND");
});

const faults: { name: string; host: string; fault: Answer; want: RegExp }[] = [
  {
    name: "a refused assertion",
    host: "oauth2.googleapis.com",
    fault: { status: 400, body: { error: "invalid_grant", error_description: ISSUERS_KEY } },
    want: /^token of the service account: oauth2\.googleapis\.com answered 400 invalid_grant$/,
  },
  {
    name: "an error of the token endpoint",
    host: "oauth2.googleapis.com",
    fault: { status: 500, body: "" },
    want: /oauth2\.googleapis\.com answered 500$/,
  },
  {
    name: "garbage from the token endpoint",
    host: "oauth2.googleapis.com",
    fault: { status: 200, body: "<html>" },
    want: /oauth2\.googleapis\.com answered 200: .*content-type/,
  },
  {
    name: "an answer without a token",
    host: "oauth2.googleapis.com",
    fault: { status: 200, body: { token_type: "Bearer" } },
    want: /oauth2\.googleapis\.com answered 200: .*access_token/,
  },
];

for (const { name, host, fault, want } of faults) {
  test(`${name} is told with the host, without secrets`, async () => {
    servers.faults.set(host, fault);
    const error = await rejection(get(key()));
    assert.match(error.message, want);
    assert.equal(error.cause, undefined);
  });
}

const broken: { name: string; host: string; fault: Answer; want: RegExp }[] = [
  {
    name: "the OpenID provider",
    host: "127.0.0.1",
    fault: { status: 401, body: { error: "invalid_client" } },
    want: /^token of the OpenID provider https:\/\/127\.0\.0\.1:\d+\/oidc: 127\.0\.0\.1:\d+ answered 401 invalid_client$/,
  },
  {
    name: "the token service",
    host: "sts.googleapis.com",
    fault: { status: 400, body: { error: "invalid_target" } },
    want: /^token of the federated identity: sts\.googleapis\.com answered 400 invalid_target$/,
  },
  {
    name: "IAM credentials",
    host: "iamcredentials.googleapis.com",
    fault: { status: 403, body: { error: { code: 403, status: "PERMISSION_DENIED", message: "federated-token" } } },
    want: /^token of the federated identity: iamcredentials\.googleapis\.com answered 403 PERMISSION_DENIED$/,
  },
  {
    name: "IAM credentials that answer nonsense",
    host: "iamcredentials.googleapis.com",
    fault: { status: 200, body: "null" },
    want: /^token of the federated identity: iamcredentials\.googleapis\.com answered 200: the answer is not understood$/,
  },
];

for (const { name, host, fault, want } of broken) {
  test(`each step of a federation is told apart: ${name}`, async () => {
    const source = federation(SERVICE_ACCOUNT);
    servers.faults.set(host, fault);
    assert.match((await rejection(get(source))).message, want);
  });
}

test("a token endpoint that does not answer is left when the signal says so", async () => {
  servers.faults.set("oauth2.googleapis.com", "hang");
  await assert.rejects(get(key(), AbortSignal.timeout(100)), /oauth2\.googleapis\.com did not answer in time$/);
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
