/** Credentials that are issued, over time: requests that wait for one, secrets that change, what is told of it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { type Simulator, startSimulator } from "../../src/simulate/simulator.ts";
import { AWS_KEYS, backend, CHAT, chat, route, upstream } from "../conformance/configs.ts";
import { installEnvoy } from "../install-envoy.ts";
import { ISSUED, type Issuers, startIssuers } from "../token-servers/issuers.ts";
import type { Issuer } from "../token-servers/token-servers.ts";
import { type Gateway, type StartOptions, startGateway } from "./start-gateway.ts";

const ENTRA = "login.microsoftonline.com";
const folder = mkdtempSync(join(tmpdir(), "aigw-credentials-"));
const secretFile = join(folder, "secret");

function config(port: number, more = ""): string {
  const rules = ["azure", "limited", "either"].map(
    (model) => `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: ${model} }] }]
      backendRefs: [{ name: azure }${model === "either" ? ", { name: other }" : ""}]
      ${model === "limited" ? "timeouts: { request: 300ms }" : ""}`,
  );
  return `${route("main", rules.join(""))}
${backend("azure", '{ name: AzureOpenAI, version: "1" }')}
${backend("other", '{ name: AzureOpenAI, version: "1" }')}
${upstream(String(port))}
---
apiVersion: v1
kind: Secret
metadata:
  name: azure
  namespace: default
  annotations: { substitution.aigw.run/file/client-secret: ${secretFile} }
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: { name: azure, namespace: default }
spec:
  targetRefs:
    - { group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: azure }
    - { group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: other }
  type: AzureCredentials
  azureCredentials:
    tenantID: ${ISSUED.tenant}
    clientID: ${ISSUED.clientId}
    clientSecretRef: { name: azure }
${more}`;
}

let issuers: Issuers;
let simulator: Simulator;
let entra: Issuer;
before(async () => {
  issuers = await startIssuers(AWS_KEYS[1]);
  simulator = await startSimulator({ port: 0, record: 1000 });
  entra = issuers.servers.issuers.get(ENTRA) as Issuer;
});
after(async () => {
  rmSync(folder, { recursive: true });
  await simulator.close();
  await issuers.servers.stop();
});
beforeEach(() => {
  issuers.servers.issuers.set(ENTRA, entra);
  writeFileSync(secretFile, `${ISSUED.azureSecret}\n`);
});

/** Holds every exchange back until it is told to let them go. */
function holdExchanges(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  issuers.servers.issuers.set(ENTRA, async (request) => {
    await promise;
    return entra(request);
  });
  return resolve;
}

function ask(gateway: Gateway, id: string, model = "azure", signal?: AbortSignal): Promise<Response> {
  const headers = { "content-type": "application/json", "x-request-id": id };
  const init = { method: "POST", headers, body: JSON.stringify(chat(model)) };
  return fetch(gateway.url + CHAT, signal === undefined ? init : { ...init, signal });
}

async function conditionsOf(gateway: Gateway): Promise<readonly Record<string, string>[]> {
  const status = await (await fetch(`${gateway.adminUrl}/status?kind=BackendSecurityPolicy`)).json();
  return (status as { resources: { conditions: Record<string, string>[] }[] }).resources[0]?.conditions ?? [];
}

const providerWasAsked = (id: string) => simulator.requests.some(({ headers }) => headers["x-request-id"] === id);

async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `${what} did not come`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Until every process has its credential. */
function everywhereIssued(gateway: Gateway): Promise<void> {
  return eventually("the credentials", async () => (await conditionsOf(gateway))[1]?.["reason"] === "Issued");
}

const HOSTS: { name: string; options: () => Promise<StartOptions> }[] = [
  { name: "embedded", options: async () => ({}) },
  { name: "embedded, two workers", options: async () => ({ workers: 2 }) },
  {
    name: "Envoy",
    // Less than an exchange may take.
    options: async () => ({ args: ["--host", "envoy", "--envoy", await installEnvoy(), "--message-timeout", "400"] }),
  },
];

for (const { name, options } of HOSTS) {
  describe(`${name} host`, () => {
    let gateway: Gateway;
    const start = async () => {
      const { env } = issuers;
      return await startGateway(config(simulator.port), { ...(await options()), env });
    };

    test("requests wait for the first exchange, and leave when their caller or their time does", async () => {
      const letGo = holdExchanges();
      gateway = await start();
      const id = (what: string) => `${name}-${what}`.replaceAll(/[ ,]/g, "-");
      const waiting = [ask(gateway, id("one")), ask(gateway, id("choice"), "either")];
      const leaving = new AbortController();
      const left = assert.rejects(ask(gateway, id("left"), "azure", leaving.signal), { name: "AbortError" });
      const limited = await ask(gateway, id("limited"), "limited");
      assert.equal(limited.status, 504);
      assert.deepEqual((await conditionsOf(gateway))[1]?.["reason"], "Pending");
      leaving.abort();
      await left;
      const line = await gateway.log((one) => one["request_id"] === id("left"));
      assert.equal(line["outcome"], "cancelled");
      // Longer than Envoy waits for a message.
      await new Promise((resolve) => setTimeout(resolve, 500));
      letGo();
      for (const answer of waiting) assert.equal((await answer).status, 200);
      for (const what of ["left", "limited"]) assert.equal(providerWasAsked(id(what)), false, what);
      await everywhereIssued(gateway);
      const [, ready] = await conditionsOf(gateway);
      assert.equal(ready?.["status"], "True");
      assert.match(ready?.["message"] ?? "", /^valid until 20\d\d-/);
      const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      assert.match(metrics, /aigw_credential_exchanges_total\{policy="default\/azure",result="ok"\} [12]\n/);
      assert.match(metrics, /aigw_credential_expiry_seconds\{policy="default\/azure"\} 3[56]\d\d\n/);
    });

    test("a secret that changes on disk takes effect without a restart, for worse and for better", async () => {
      writeFileSync(secretFile, "canary-wrong");
      await eventually("the reload", async () => (await ask(gateway, "wrong")).status === 500);
      await eventually("the condition", async () => (await conditionsOf(gateway))[1]?.["reason"] === "ExchangeFailed");
      const [accepted, ready] = await conditionsOf(gateway);
      assert.equal(accepted?.["type"], "Accepted");
      assert.deepEqual(ready, {
        type: "CredentialsReady",
        status: "False",
        reason: "ExchangeFailed",
        message:
          "the credentials of BackendSecurityPolicy default/azure cannot be had: token of Microsoft Entra ID: " +
          `${ENTRA} answered 401 invalid_client AADSTS7000215`,
      });
      writeFileSync(secretFile, ISSUED.azureSecret);
      await eventually("the reload", async () => (await ask(gateway, "right")).status === 200);
      await everywhereIssued(gateway);
      assert.doesNotMatch(gateway.stderr(), /canary/);
    });

    test("a reload that changes nothing about the credentials asks for none", async () => {
      const exchanges = () => issuers.servers.seenBy(ENTRA).filter(({ method }) => method === "POST").length;
      const before = exchanges();
      const reloads = () => gateway.stderr().split("configuration reloaded").length;
      const reloadsBefore = reloads();
      await gateway.configure(config(simulator.port, OTHER));
      await eventually("the reload", () => reloads() > reloadsBefore);
      assert.equal((await ask(gateway, "after-reload")).status, 200);
      assert.equal(exchanges(), before);
    });

    test("it ends well while an exchange is under way and a request waits for it", async () => {
      const letGo = holdExchanges();
      writeFileSync(secretFile, "another");
      const reloads = gateway.stderr().split("configuration reloaded").length;
      await eventually("the reload", () => gateway.stderr().split("configuration reloaded").length > reloads);
      const waiting = ask(gateway, "last");
      await new Promise((resolve) => setTimeout(resolve, 100));
      const stopped = gateway.stop();
      letGo();
      assert.equal((await waiting).status, 500);
      assert.equal(await stopped, 0);
    });
  });
}

/** A comment would not count as a change. */
const OTHER = `---
apiVersion: v1
kind: ConfigMap
metadata: { name: other, namespace: default }
data: {}
`;
