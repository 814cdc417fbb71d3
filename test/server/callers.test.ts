/** Who calls, as it is found out by whole processes: keys of an issuer that is far away, and keys that are made while serving. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { jwks, SigningKey } from "../../src/caller-auth/test-tokens.ts";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { BACKENDS, CHAT, chat, route } from "../conformance/configs.ts";
import { installEnvoy } from "../install-envoy.ts";
import { ISSUERS_CA, TokenServers } from "../token-servers/token-servers.ts";
import { eventually } from "./envoy-tools.ts";
import { type StartOptions, startWithSimulator } from "./start-gateway.ts";

const RULES = `
    - matches:
        - headers: [{ type: Exact, name: x-ai-eg-model, value: one }]
      backendRefs: [{ name: openai }]`;
const OPEN = `${route("main", RULES)}${BACKENDS}`;

function withIssuer(uri: string): string {
  return `${OPEN}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: { name: tokens, namespace: default }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: main }]
  jwt:
    providers:
      - { name: issuer, issuer: "https://issuer.test", audiences: [gateway], remoteJWKS: { uri: "${uri}" } }
`;
}

const TIMES = { exp: Math.floor(Date.now() / 1000) + 3600, iat: 0 };
const KEY = new SigningKey("k1");

async function start(t: TestContext, config: string, options: StartOptions = {}) {
  const gateway = await startWithSimulator((port) => config.replaceAll(UPSTREAM_PORT, String(port)), options);
  t.after(() => gateway.stop());
  const ask = async (headers: Record<string, string>, model = "one") => {
    const body = JSON.stringify(chat(model));
    const init = { method: "POST", headers: { "content-type": "application/json", ...headers }, body };
    const response = await fetch(`${gateway.url}${CHAT}`, init);
    return { status: response.status, text: await response.text() };
  };
  return { gateway, ask };
}

async function startIssuer(t: TestContext) {
  const servers = await TokenServers.start();
  t.after(() => servers.stop());
  servers.issuers.set("127.0.0.1", () => ({ status: 200, body: jwks([KEY]) }));
  return servers;
}

for (const host of ["embedded", "envoy"]) {
  const hostArgs = async () => (host === "envoy" ? ["--host", "envoy", "--envoy", await installEnvoy()] : []);

  test(`${host}: a token is held against keys that are fetched, by requests that wait for them`, async (t) => {
    const issuer = await startIssuer(t);
    const env = { NODE_EXTRA_CA_CERTS: ISSUERS_CA };
    const { ask, gateway } = await start(t, withIssuer(`${issuer.url}/keys`), { args: await hostArgs(), env });
    const authorization = `Bearer ${KEY.token(TIMES)}`;
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask({ authorization })));
    assert.deepEqual(
      answers.map(({ status }) => status),
      Array(10).fill(200),
    );
    assert.equal(issuer.seen.length, 1);
    assert.equal((await ask({ authorization: `Bearer ${new SigningKey("k1").token(TIMES)}` })).status, 401);
    assert.equal(
      gateway.simulator.requests.some(({ headers }) => headers["authorization"] !== undefined),
      false,
    );
    assert.equal(JSON.stringify(gateway.logs()).includes(authorization.slice(7, 60)), false);
  });

  test(`${host}: while the issuer does not answer, requests wait without their body, and may leave`, async (t) => {
    const issuer = await startIssuer(t);
    issuer.faults.set("127.0.0.1", "hang");
    const env = { NODE_EXTRA_CA_CERTS: ISSUERS_CA };
    const { gateway } = await start(t, withIssuer(`${issuer.url}/keys`), { args: await hostArgs(), env });
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    await once(socket, "connect");
    const body = JSON.stringify(chat("one"));
    const token = KEY.token(TIMES);
    socket.write(
      `POST ${CHAT} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await eventually("the issuer's request", () => issuer.seen.length > 0 || undefined);
    socket.destroy();
    const line = await gateway.log(() => true);
    assert.deepEqual([line["outcome"], line["status"]], ["cancelled", 499]);
    assert.equal(gateway.simulator.requests.length, 0);
  });

  test(`${host}: a key that is made while serving is good at once, also at all workers, and so is its end`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "aigw-test-"));
    t.after(() => rm(folder, { recursive: true }));
    const args = [...(await hostArgs()), "--keys", folder];
    const { ask, gateway } = await start(t, OPEN, { args, workers: 2 });
    assert.equal((await ask({})).status, 401, "nobody is let in before there is a key");
    assert.match((await ask({ "x-api-key": "aigw_any" })).text, /the API key or token is not valid/);
    assert.match(gateway.stderr(), /there is none yet, and callers need one: `aigw key new --out /);
    const call = async (path: string, method: string, body?: object) => {
      const json = { "content-type": "application/json" };
      const init = { method, headers: json, ...(body && { body: JSON.stringify(body) }) };
      return (await (await fetch(`${gateway.adminUrl}${path}`, init)).json()) as Record<string, string>;
    };
    /** Every worker has it when many connections in a row get the same answer. */
    const settled = (key: string, status: number) =>
      eventually(`${status} for the key`, async () => {
        const answers = await Promise.all(
          Array.from({ length: 8 }, () => ask({ "x-api-key": key, connection: "close" })),
        );
        return answers.every((answer) => answer.status === status) || undefined;
      });
    const { key = "" } = await call("/keys", "POST", { name: "alice", models: ["one"] });
    await settled("", 401);
    await settled(key, 200);
    const { key: next = "" } = await call("/keys/default/alice/rotate", "POST", { keepOldFor: "0s" });
    await settled(key, 401);
    await settled(next, 200);
    await call("/keys/default/alice", "DELETE");
    await settled(next, 401);
    assert.match((await ask({ "x-api-key": next })).text, /the API key was revoked/);
    const printed = JSON.stringify(gateway.logs()) + gateway.stderr();
    assert.deepEqual([printed.includes(key), printed.includes(next)], [false, false]);
  });
}

test("a caller that waits with its body is told that its key is bad before it is told to go on", async (t) => {
  const sha256 = "a".repeat(64);
  const keys = `${OPEN}
---
apiVersion: aigw.dev/v1alpha1
kind: GatewayKey
metadata: { name: alice, namespace: default }
spec: { hashes: [{ sha256: ${sha256} }] }
`;
  const { gateway } = await start(t, keys);
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.write(
    `POST ${CHAT} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\nx-api-key: ${sha256}\r\ncontent-length: 9999\r\n\r\n`,
  );
  await once(socket, "end");
  socket.end();
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 401 Unauthorized\r\n/);
});
