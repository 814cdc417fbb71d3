/** Marked secrets of every type of credential, in exchanges that succeed and that fail; nothing the gateway says may hold one. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Simulator, startSimulator } from "../../src/simulate/simulator.ts";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { ISSUED_CONFIG, ISSUED_MODELS } from "../conformance/cases/credentials-issued.ts";
import { AWS_KEYS, apiKey, backend, CHAT, chat, MESSAGES, route, upstream } from "../conformance/configs.ts";
import { installEnvoy } from "../install-envoy.ts";
import { serviceAccountJson } from "../token-servers/google.ts";
import { ISSUED, type Issuers, startIssuers } from "../token-servers/issuers.ts";
import { type Gateway, startGateway } from "./start-gateway.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const [LASTING, TEMPORARY] = AWS_KEYS;

const KEYS = { type: "APIKey", field: "apiKey", more: "  credentialOverride: { fromRequestHeaders: {} }\n" };
const FILE = `[default]\naws_access_key_id = AKIALASTING\naws_secret_access_key = ${LASTING.secretAccessKey}\n`;

/** Types without an exchange, beside those with one. */
const CONFIG = `${ISSUED_CONFIG}
${route(
  "kept",
  ["pool", "aws-file"]
    .map(
      (name) => `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: ${name} }] }]
      backendRefs: [{ name: ${name} }]`,
    )
    .join(""),
)}
${backend("pool", "{ name: OpenAI }")}
${apiKey("pool", '"canary-key-one\\ncanary-key-two"', KEYS)}
${backend("aws-file", "{ name: AWSBedrock }")}
---
apiVersion: v1
kind: Secret
metadata: { name: aws-file, namespace: default }
stringData: { credentials: ${JSON.stringify(FILE)} }
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: { name: aws-file, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: aws-file }]
  type: AWSCredentials
  awsCredentials: { region: us-east-1, credentialsFile: { secretRef: { name: aws-file } } }
${upstream(UPSTREAM_PORT, "spare")}`;

const OWN = {
  "x-aigw-api-key": "canary-own-key",
  "x-aigw-azure-access-token": "canary-own-azure",
  "x-aigw-gcp-access-token": "canary-own-google",
  "x-aigw-aws-access-key-id": LASTING.accessKeyId,
  "x-aigw-aws-secret-access-key": "canary-own-secret-4c1d",
  "x-aigw-aws-session-token": "canary-own-session-4c1d",
  "x-mine": "canary-own-mine",
};

const KEY_LINE = /\n([\w+/]{40,})/.exec(JSON.parse(serviceAccountJson()).private_key)?.[1] ?? "";
const SECRETS = [
  ...Object.entries(ISSUED).flatMap(([name, value]) => (/secret|token/i.test(name) ? [value] : [])),
  ...[LASTING.secretAccessKey, TEMPORARY.secretAccessKey, TEMPORARY.sessionToken],
  ...["canary-wrong-secret", "canary-key-one", "canary-key-two", KEY_LINE],
  ...Object.values(OWN).filter((value) => value !== LASTING.accessKeyId),
];

/** A secret as it is, and in the disguises in which it could get out. */
function shapesOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const pair = Buffer.from(`${ISSUED.clientId}:${secret}`);
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString("hex"),
    bytes.toString("base64").replace(/=+$/, ""),
    bytes.toString("base64url"),
    pair.toString("base64").replace(/=+$/, ""),
    [...secret].reverse().join(""),
    secret.slice(0, 12),
    secret.slice(-12),
  ];
}

let issuers: Issuers;
let simulator: Simulator;
before(async () => {
  issuers = await startIssuers(TEMPORARY);
  simulator = await startSimulator({ port: 0, record: 1000, awsKeys: AWS_KEYS });
});
after(async () => {
  await simulator.close();
  await issuers.servers.stop();
});

const placed = (): string => issuers.place(CONFIG.replaceAll(UPSTREAM_PORT, String(simulator.port)));

/** Makes every issuer refuse, and repeat everything that it was sent. */
function echoEverything(): void {
  for (const host of [...issuers.servers.issuers.keys()]) {
    issuers.servers.issuers.set(host, ({ headers, body, path }) => {
      const told = `${path} ${JSON.stringify(headers)} ${body}`;
      return {
        status: 400,
        body: { error: "invalid_client", error_description: told, error_uri: told, message: told },
      };
    });
  }
}

/** Everything that the gateway says about requests of all kinds, but for what the provider itself answered. */
async function saidBy(gateway: Gateway): Promise<{ readonly said: string; readonly statuses: ReadonlySet<number> }> {
  const said: string[] = [];
  const statuses = new Set<number>();
  const models = [...ISSUED_MODELS, "either-azure", "pool", "aws-file"];
  const requests = models.flatMap((model) => [
    { model, headers: {}, path: CHAT },
    { model, headers: OWN, path: CHAT },
    { model, headers: { "x-simulate": "status=401" }, path: MESSAGES },
    { model, headers: { "x-simulate": "fault=reset-before-headers" }, path: CHAT },
  ]);
  for (const [n, { model, headers, path }] of requests.entries()) {
    const id = `secret-${n}`;
    const body = JSON.stringify({ ...chat(model), max_tokens: 9 });
    const response = await fetch(gateway.url + path, {
      method: "POST",
      headers: { "x-request-id": id, ...headers },
      body,
    });
    statuses.add(response.status);
    said.push(JSON.stringify([...response.headers]), await response.text());
    await gateway.log((line) => line["request_id"] === id);
  }
  for (const path of ["/metrics", "/status", "/"]) said.push(await (await fetch(gateway.adminUrl + path)).text());
  const envoy = /its own admin page: (\S+)/.exec(gateway.stderr())?.[1];
  if (envoy !== undefined) said.push(await (await fetch(`${envoy}/config_dump`)).text());
  const code = await gateway.stop();
  assert.equal(code, 0);
  said.push(JSON.stringify(gateway.logs()), gateway.stderr());
  return { said: said.join("\n"), statuses };
}

function leaksOf(said: string): string[] {
  return SECRETS.flatMap((secret) => shapesOf(secret).filter((shape) => said.includes(shape)));
}

const HOSTS = [
  { name: "embedded", args: async () => [] },
  { name: "Envoy", args: async () => ["--host", "envoy", "--envoy", await installEnvoy()] },
];

for (const { name, args } of HOSTS) {
  test(`no output holds a credential, ${name} host`, async () => {
    const started = await startGateway(placed(), { env: issuers.env, args: ["--debug", ...(await args())] });
    const { said, statuses } = await saidBy(started);
    assert.deepEqual(leaksOf(said), []);
    for (const status of [200, 401, 500]) assert.ok(statuses.has(status), `an answer of ${status}`);
    assert.match(said, /CredentialsReady/);
  });
}

test("the credentials did reach the provider", () => {
  const sent = JSON.stringify(simulator.requests.map(({ headers }) => headers));
  const { azureToken, azureFederatedToken, googleToken, googleImpersonatedToken } = ISSUED;
  for (const secret of [azureToken, azureFederatedToken, googleToken, googleImpersonatedToken, "canary-key-two"]) {
    assert.ok(sent.includes(secret), secret);
  }
  for (const own of ["canary-own-key", "canary-own-azure", "canary-own-google", "canary-own-session-4c1d"]) {
    assert.ok(sent.includes(own), own);
  }
  assert.ok(sent.includes(TEMPORARY.sessionToken));
});

for (const { name, args } of HOSTS) {
  test(`no output holds a credential when every exchange fails and repeats what it got, ${name} host`, async () => {
    echoEverything();
    const started = await startGateway(placed(), { env: issuers.env, args: ["--debug", ...(await args())] });
    const { said } = await saidBy(started);
    assert.deepEqual(leaksOf(said), []);
    assert.match(said, /ExchangeFailed/);
    assert.match(said, /aigw_credential_exchanges_total\{policy="default\/google",result="failed"\} [1-9]/);
  });
}

test("what checks and prints configurations prints no credential", () => {
  const folder = mkdtempSync(join(tmpdir(), "aigw-secrets-"));
  const file = join(folder, "config.yaml");
  writeFileSync(file, placed());
  try {
    for (const command of [["check"], ["check", "--host", "envoy"], ["envoy-config"]]) {
      const [name = "", ...options] = command;
      const printed = execFileSync(process.execPath, [MAIN, name, file, ...options], { encoding: "utf8" });
      assert.notEqual(printed, "");
      assert.deepEqual(leaksOf(printed), []);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
