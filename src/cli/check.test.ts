import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { serviceAccountJson } from "../../test/token-servers/google.ts";
import type { HostKind } from "../config/compile.ts";
import { runCheck } from "./check.ts";

const EXAMPLES = join(import.meta.dirname, "../../examples");
let folder = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "aigw-check-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function check(paths: readonly string[], { env = {}, colors = false, host = "embedded" as HostKind } = {}) {
  const lines: string[] = [];
  const code = await runCheck(paths, { print: (line) => lines.push(line), env, host, colors });
  return { code, lines };
}

function fileWith(text: string): string {
  const path = join(folder, "config.yaml");
  writeFileSync(path, text);
  return path;
}

const ROUTE = `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules: [{backendRefs: [{name: missing}]}]
  llmRequestCosts: [{metadataKey: k, type: CEL, cel: "input_tokens +"}]
  wrong: 1
`;

test("everything wrong is told at once: in form, in references and in expressions", async () => {
  const path = fileWith(ROUTE);
  const { code, lines } = await check([path]);
  assert.equal(code, 1);
  assert.deepEqual(
    lines.map((line) => line.replaceAll(path, "f").replace(/(cel: ).*/, "$1…")),
    [
      "fault   f:7:3: AIGatewayRoute default/r: spec.wrong: is not a known field; known are parentRefs, hostnames, rules, llmRequestCosts",
      "fault   f:5:33: AIGatewayRoute default/r: spec.rules[0].backendRefs[0].name: there is no AIServiceBackend default/missing",
      "fault   f:6:54: AIGatewayRoute default/r: spec.llmRequestCosts[0].cel: …",
      "3 faults, 0 notices, 0 ignored, 1 object in 1 file",
    ],
  );
});

test("what is not applied and not read is told, and is no fault", async () => {
  const path = fileWith(`apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec:
  gatewayClassName: c
  listeners: [{name: http, port: 80, protocol: HTTP}]
  infrastructure: {}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: p}
`);
  const { code, lines } = await check([path]);
  assert.equal(code, 0);
  assert.deepEqual(
    lines.map((line) => line.replaceAll(path, "f")),
    [
      "notice  f:7:3: Gateway default/g: spec.infrastructure: configures pods of a cluster; this gateway has none",
      "ignored f:9:1: gateway.envoyproxy.io/v1alpha1 EnvoyProxy default/p is not read by this gateway",
      "status  Gateway default/g Accepted: Gateway reconciled successfully",
      "0 faults, 1 notice, 1 ignored, 1 object in 1 file",
    ],
  );
});

test("what only the other host applies is told", async () => {
  const path = fileWith(`apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: p}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]
  circuitBreaker: {maxConnections: 5}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec:
  gatewayClassName: c
  listeners: [{name: http, port: 80, protocol: HTTP}]
`);
  const told = async (host: HostKind) =>
    (await check([path], { host })).lines.filter((line) => line.startsWith("notice"));
  assert.match((await told("embedded")).join("\n"), /circuitBreaker: is applied only by the Envoy host/);
  assert.deepEqual(await told("envoy"), []);
});

test("a path that is not there is a fault", async () => {
  const path = join(folder, "missing.yaml");
  assert.deepEqual(await check([path]), {
    code: 1,
    lines: [`fault   ${path}:1:1: file: there is no such file or folder`],
  });
});

test("colours are only for terminals", async () => {
  const path = fileWith(ROUTE);
  const plain = await check([path]);
  const colored = await check([path], { colors: true });
  assert.ok(!plain.lines.join("").includes("\u001b"));
  assert.equal(stripVTControlCharacters(colored.lines.join("\n")), plain.lines.join("\n"));
  assert.ok(colored.lines.every((line) => line.includes("\u001b[")));
});

const VARIABLES = {
  OPENAI_API_KEY: "k",
  ANTHROPIC_API_KEY: "k",
  GROQ_API_KEY: "k",
  MISTRAL_API_KEY: "k",
  DEEPSEEK_API_KEY: "k",
  GEMINI_API_KEY: "k",
  COHERE_API_KEY: "k",
  AWS_BEARER_TOKEN_BEDROCK: "k",
  AWS_ACCESS_KEY_ID: "k",
  AWS_SECRET_ACCESS_KEY: "k",
  AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/bedrock",
  OIDC_HOST: "login.example.com",
  OIDC_CLIENT_ID: "k",
  OIDC_CLIENT_SECRET: "k",
  AZURE_OPENAI_API_KEY: "k",
  AZURE_OPENAI_HOST: "name.openai.azure.com",
  AZURE_TENANT_ID: "contoso.onmicrosoft.com",
  AZURE_CLIENT_ID: "a-client",
  AZURE_CLIENT_SECRET: "k",
  GOOGLE_CLOUD_PROJECT: "my-project",
  GOOGLE_CLOUD_PROJECT_NUMBER: "123456789012",
  GOOGLE_SERVICE_ACCOUNT_JSON: serviceAccountJson(),
  ALICE_KEY_SHA256: "a".repeat(64),
  BUILD_KEY_SHA256: "b".repeat(64),
};

for (const scenario of readdirSync(EXAMPLES)) {
  test(`the example ${scenario} has no fault, is applied as a whole and says how to run it`, async () => {
    const text = readFileSync(join(EXAMPLES, scenario, `${scenario}.yaml`), "utf8");
    const run = `#   aigw run examples/${scenario}/${scenario}.yaml`;
    const host = text.includes(`${run} --host envoy`) ? "envoy" : "embedded";
    const { code, lines } = await check([join(EXAMPLES, scenario)], { env: VARIABLES, host });
    assert.deepEqual(
      lines.filter((line) => !line.startsWith("status")).map((line) => line.replace(/\d+ objects/, "n objects")),
      ["0 faults, 0 notices, 0 ignored, n objects in 1 file"],
    );
    assert.deepEqual(
      lines.filter((line) => line.includes("NotAccepted")),
      [],
    );
    assert.equal(code, 0);
    assert.ok(text.startsWith("# ") && text.includes(run + (host === "envoy" ? " --host envoy" : "\n")));
  });
}
