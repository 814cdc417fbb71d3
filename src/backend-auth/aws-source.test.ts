import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { AwsAuth } from "../config/backend-auth.ts";
import { Secret } from "../config/secret.ts";
import { createLogger } from "../telemetry/logger.ts";
import type { AwsCredentials } from "./aws-credentials.ts";
import { awsSource } from "./aws-source.ts";
import type { CredentialContext, Issued } from "./credential-source.ts";
import { ISSUED_BY_STS, type StsRole, startServer, startSts, type TestServer } from "./test-sts.ts";

const NOW_MS = Date.parse("2026-01-01T00:00:00Z");
/** In the future of the libraries, which read the system's clock. */
const EXPIRATION = "2100-01-01T00:00:00Z";
const OIDC_TOKEN = "header.canary-oidc-token.signature";
const ROLE_ARN = "arn:aws:iam::123456789012:role/bedrock";
const ROLE: StsRole = {
  roleArn: ROLE_ARN,
  sessionName: "ai-gateway-bedrock",
  webIdentityToken: OIDC_TOKEN,
  expiration: EXPIRATION,
};

const environment = { ...process.env };
let folder = "";
let closing: (() => Promise<unknown>)[] = [];
let logged: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "aws-source-"));
  logged = [];
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
  Object.assign(process.env, {
    AWS_CONFIG_FILE: join(folder, "config"),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, "credentials"),
    AWS_EC2_METADATA_DISABLED: "true",
  });
});

afterEach(async () => {
  await Promise.all(closing.map((close) => close()));
  closing = [];
  rmSync(folder, { recursive: true });
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
  Object.assign(process.env, environment);
});

async function started(server: Promise<TestServer>): Promise<TestServer> {
  const running = await server;
  closing.push(() => running.close());
  return running;
}

function get(source: AwsAuth["source"], env: CredentialContext["env"] = process.env): Promise<Issued<AwsCredentials>> {
  const auth: AwsAuth = {
    type: "AWSCredentials",
    policy: "default/bedrock",
    override: undefined,
    region: "eu-west-1",
    source,
  };
  const log = createLogger({ level: "debug", format: "text", write: (line) => logged.push(line) });
  return awsSource(auth, { nowMs: () => NOW_MS, random: () => 0, env, log })(new AbortController().signal);
}

function revealed({ credential, expiresAtMs }: Issued<AwsCredentials>): unknown {
  const { accessKeyId, secretAccessKey, sessionToken } = credential;
  return [accessKeyId, secretAccessKey.reveal(), sessionToken?.reveal(), new Date(expiresAtMs).toJSON()];
}

const FROM_STS = [
  ISSUED_BY_STS.accessKeyId,
  ISSUED_BY_STS.secretAccessKey,
  ISSUED_BY_STS.sessionToken,
  "2100-01-01T00:00:00.000Z",
];
const SOON = "2026-01-01T00:15:00.000Z";
const CHAIN = { from: "default-chain" } as const;

test("keys of a credentials file do not expire", async () => {
  const text = new Secret("[prod]\naws_access_key_id=AKID\naws_secret_access_key=secret\naws_session_token=token\n");
  const { credential, expiresAtMs } = await get({ from: "file", text, profile: "prod" });
  assert.equal(expiresAtMs, Number.POSITIVE_INFINITY);
  assert.deepEqual(
    [credential.accessKeyId, credential.secretAccessKey.reveal(), credential.sessionToken?.reveal()],
    ["AKID", "secret", "token"],
  );
});

test("a credentials file without the profile is told of", async () => {
  const source = {
    from: "file",
    text: new Secret("[prod]\naws_secret_access_key=canary"),
    profile: "default",
  } as const;
  await assert.rejects(get(source), { message: "the AWS credentials file has no profile [default]" });
});

test("default chain: the environment, read again after a quarter of an hour", async () => {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "AKENV", AWS_SECRET_ACCESS_KEY: "env-secret" });
  assert.deepEqual(revealed(await get(CHAIN)), ["AKENV", "env-secret", undefined, SOON]);
});

test("default chain: the shared credentials file, also what changed in it", async () => {
  const file = join(folder, "credentials");
  const auth: AwsAuth = {
    type: "AWSCredentials",
    policy: "p",
    override: undefined,
    region: "eu-west-1",
    source: CHAIN,
  };
  const log = createLogger({ level: "debug", format: "text", write: () => undefined });
  const source = awsSource(auth, { nowMs: () => NOW_MS, random: () => 0, env: process.env, log });
  writeFileSync(file, "[default]\naws_access_key_id=AK1\naws_secret_access_key=secret1\n");
  assert.deepEqual(revealed(await source(new AbortController().signal)), ["AK1", "secret1", undefined, SOON]);
  writeFileSync(file, "[default]\naws_access_key_id=AK2\naws_secret_access_key=secret2\n");
  assert.deepEqual(revealed(await source(new AbortController().signal)), ["AK2", "secret2", undefined, SOON]);
});

test("default chain: a web identity token file, as IAM roles for service accounts have it", async () => {
  const sts = await started(startSts({ ...ROLE, sessionName: "pod", webIdentityToken: "pod-token" }));
  const file = join(folder, "token");
  writeFileSync(file, "pod-token");
  Object.assign(process.env, {
    AWS_WEB_IDENTITY_TOKEN_FILE: file,
    AWS_ROLE_ARN: ROLE_ARN,
    AWS_ROLE_SESSION_NAME: "pod",
    AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${sts.port}`,
  });
  assert.deepEqual(revealed(await get(CHAIN)), FROM_STS);
});

const CONTAINER = { AccessKeyId: "AKPOD", SecretAccessKey: "pod-secret", Token: "pod-session", Expiration: EXPIRATION };

test("default chain: the credentials of a container, as EKS Pod Identity and ECS have them", async () => {
  const agent = await started(
    startServer(({ url, headers }) =>
      url === "/v1/credentials" && headers.authorization === "agent-token"
        ? { status: 200, body: JSON.stringify(CONTAINER) }
        : { status: 401, body: "" },
    ),
  );
  const file = join(folder, "agent-token");
  writeFileSync(file, "agent-token");
  Object.assign(process.env, {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${agent.port}/v1/credentials`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file,
  });
  assert.deepEqual(revealed(await get(CHAIN)), ["AKPOD", "pod-secret", "pod-session", "2100-01-01T00:00:00.000Z"]);
});

const IMDS_PATH = "/latest/meta-data/iam/security-credentials/";

test("default chain: the metadata service of an instance, version 2", async () => {
  const imds = await started(
    startServer(({ method, url, headers }) => {
      if (method === "PUT") return { status: 200, body: "imds-session" };
      if (headers["x-aws-ec2-metadata-token"] !== "imds-session") return { status: 401, body: "" };
      const { AccessKeyId, SecretAccessKey, Token, Expiration } = CONTAINER;
      const issued = { Code: "Success", Type: "AWS-HMAC", AccessKeyId, SecretAccessKey, Token, Expiration };
      return { status: 200, body: url === IMDS_PATH ? "instance-role" : JSON.stringify(issued) };
    }),
  );
  delete process.env["AWS_EC2_METADATA_DISABLED"];
  process.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = `http://127.0.0.1:${imds.port}`;
  assert.deepEqual(revealed(await get(CHAIN)), ["AKPOD", "pod-secret", "pod-session", "2100-01-01T00:00:00.000Z"]);
  assert.deepEqual(
    imds.requests.map(({ line }) => line),
    ["PUT /latest/api/token", `GET ${IMDS_PATH}`, `GET ${IMDS_PATH}instance-role`],
  );
});

test("default chain: nothing anywhere; a debug log names the places", async () => {
  await assert.rejects(get(CHAIN), {
    message: "AWS default credential chain: Could not load credentials from any providers",
  });
  assert.match(
    logged.join(""),
    / DEBUG AWS default credential chain says=".*Web identity configuration not specified"/,
  );
});

test("default chain: what a failing command printed is not told", async () => {
  writeFileSync(join(folder, "config"), "[default]\ncredential_process = echo canary >&2; false canary\n");
  await assert.rejects(get(CHAIN), {
    message: "AWS default credential chain: Could not load credentials from any providers",
  });
  assert.match(logged.join(""), /says="credential_process failed"/);
  assert.ok(!logged.join("").includes("canary"));
});

test("default chain: an answer that is no JSON is not quoted", async () => {
  const imds = await started(startServer(() => ({ status: 200, body: '{"SecretAccessKey":"canary"' })));
  delete process.env["AWS_EC2_METADATA_DISABLED"];
  process.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = `http://127.0.0.1:${imds.port}`;
  await assert.rejects(get(CHAIN), { message: "AWS default credential chain: the answer is not JSON" });
});

/** Both parts are escaped before they are joined: RFC 6749 section 2.3.1. */
function isGateway(authorization = ""): boolean {
  return decodeURIComponent(atob(authorization.replace("Basic ", ""))) === "gateway:oidc-secret";
}

async function oidcSource(roleArn = ROLE_ARN): Promise<AwsAuth["source"]> {
  const issuer = await started(
    startServer(({ url, headers }) =>
      url === "/token" && isGateway(headers.authorization)
        ? { status: 200, body: JSON.stringify({ access_token: OIDC_TOKEN, token_type: "Bearer", expires_in: 300 }) }
        : { status: 401, body: JSON.stringify({ error: "invalid_client" }) },
    ),
  );
  const url = `http://127.0.0.1:${issuer.port}`;
  const client = { clientId: "gateway", clientSecret: new Secret("oidc-secret"), scopes: [], audience: undefined };
  const oidc = { ...client, issuer: url, tokenEndpoint: `${url}/token` };
  return { from: "oidc", oidc, roleArn, sessionName: "ai-gateway-bedrock" };
}

test("a token of an OpenID provider is exchanged for the credentials of a role", async () => {
  const sts = await started(startSts(ROLE));
  process.env["AWS_ENDPOINT_URL_STS"] = `http://127.0.0.1:${sts.port}`;
  assert.deepEqual(revealed(await get(await oidcSource())), FROM_STS);
  assert.equal(sts.requests.length, 1);
});

test("a refusal is told by host, status and code, without the token that the service says back", async () => {
  const sts = await started(startSts(ROLE));
  process.env["AWS_ENDPOINT_URL_STS"] = `http://127.0.0.1:${sts.port}`;
  const source = await oidcSource("arn:aws:iam::123456789012:role/other");
  await assert.rejects(get(source), {
    message: `AWS STS AssumeRoleWithWebIdentity (127.0.0.1:${sts.port}): status 403 AccessDenied`,
  });
  assert.deepEqual(logged, []);
});

test("a service that cannot be reached is told by its address", async () => {
  const sts = await startSts(ROLE);
  await sts.close();
  process.env["AWS_ENDPOINT_URL_STS"] = `http://127.0.0.1:${sts.port}`;
  const host = `127.0.0.1:${sts.port}`;
  await assert.rejects(get(await oidcSource()), {
    message: `AWS STS AssumeRoleWithWebIdentity (${host}): connect ECONNREFUSED ${host}`,
  });
});

test("the exchange goes through the proxy for it", async () => {
  const tls = (name: string): string => readFileSync(new URL(`../../testdata/tls/${name}`, import.meta.url), "utf8");
  const trusted = getCACertificates("default");
  setDefaultCACertificates([...trusted, tls("ca.pem")]);
  closing.push(async () => setDefaultCACertificates(trusted));
  const sts = await started(startSts(ROLE, { cert: tls("server.pem"), key: tls("server.key") }));
  const asked: (string | undefined)[] = [];
  const proxy = createServer().on("connect", (request, socket) => {
    asked.push(request.url);
    const onward = connect(sts.port, "127.0.0.1", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    socket.pipe(onward).pipe(socket);
    onward.on("close", () => socket.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  closing.push(() => new Promise((resolve) => proxy.close(resolve)));
  process.env["AWS_ENDPOINT_URL_STS"] = `https://upstream.test:${sts.port}`;
  const env = { ...process.env, AI_GATEWAY_STS_PROXY_URL: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  assert.deepEqual(revealed(await get(await oidcSource(), env)), FROM_STS);
  assert.deepEqual(asked, [`upstream.test:${sts.port}`]);
});
