import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { parse } from "yaml";
import { UPSTREAM_PORT } from "../../test/conformance/case.ts";
import { COSTS } from "../../test/conformance/cases/costs.ts";
import { CREDENTIALS } from "../../test/conformance/cases/credentials.ts";
import { ERRORS } from "../../test/conformance/cases/errors.ts";
import { MUTATION } from "../../test/conformance/cases/mutation.ts";
import { ROUTING } from "../../test/conformance/cases/routing.ts";
import { TIMEOUTS } from "../../test/conformance/cases/timeouts.ts";
import { installEnvoy } from "../../test/install-envoy.ts";
import { serviceAccountJson } from "../../test/token-servers/google.ts";
import { load } from "../cli/load.ts";
import type { Listener, RuntimeConfig, Upstream } from "../config/runtime-config.ts";
import { Secret } from "../config/secret.ts";
import { testTls } from "../config/test-upstream-tls.ts";
import type { TrafficPolicy } from "../config/traffic-policy.ts";
import { CIPHERS, CURVES, SIGNATURE_ALGORITHMS } from "../resources/backend.ts";
import { bootstrap } from "./bootstrap.ts";
import { envoyResources } from "./resources.ts";
import { packSnapshot } from "./snapshot-pack.ts";
import { staticBootstrap } from "./static-bootstrap.ts";
import { TEST_OPTIONS, testConfig, testEndpoint, testRef, testRoute, testRule, testUpstream } from "./test-config.ts";

const run = promisify(execFile);
const PROJECT = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "aigw-xds-"));
const caPath = join(PROJECT, "testdata", "tls", "ca.pem");
const OPTIONS = { ...TEST_OPTIONS, systemCaPath: caPath, adminPort: 0 };
let envoy = "";

before(async () => {
  envoy = await installEnvoy();
});
after(() => rmSync(folder, { recursive: true }));

/** Rejects with what Envoy says against a configuration. */
async function validate(text: string, name: string): Promise<void> {
  const file = join(folder, `${name.replaceAll(/[^a-z0-9]+/gi, "-")}.yaml`);
  writeFileSync(file, text);
  const args = ["--mode", "validate", "--log-level", "warning", "--use-dynamic-base-id", "--config-path", file];
  const { stderr } = await run(envoy, args);
  assert.equal(stderr, "", "Envoy has nothing to warn of");
}

async function compiled(text: string, file: string): Promise<RuntimeConfig> {
  const shaped: Record<string, string> = {
    PORT: "1975",
    GOOGLE_SERVICE_ACCOUNT_JSON: serviceAccountJson(),
    ALICE_KEY_SHA256: "a".repeat(64),
    BUILD_KEY_SHA256: "b".repeat(64),
  };
  const anyKey = new Proxy(shaped, { get: (_, name) => shaped[String(name)] ?? "a-key" });
  const { config, faults } = await load({ sources: [{ name: file, text }], loadedAt: 0 }, anyKey, "envoy");
  assert.deepEqual(faults, []);
  return config;
}

/** Both ways to Envoy: as a file, and packed as the discovery service sends it. */
async function accepted(config: RuntimeConfig, name: string): Promise<void> {
  await validate(staticBootstrap(config, OPTIONS), name);
  packSnapshot(envoyResources(config, OPTIONS));
}

describe("Envoy accepts", () => {
  for (const file of globSync("examples/*/*.yaml", { cwd: PROJECT })) {
    it(file, async () => accepted(await compiled(readFileSync(join(PROJECT, file), "utf8"), file), file));
  }

  const groups = [COSTS, CREDENTIALS, ERRORS, MUTATION, ROUTING, TIMEOUTS];
  for (const { name, cases } of groups) {
    it(`the configurations of the conformance cases about ${name}`, async () => {
      const configs = new Set(cases.map(({ config }) => config.replaceAll(UPSTREAM_PORT, "8080")));
      for (const [index, text] of [...configs].entries())
        await accepted(await compiled(text, "a.yaml"), `${name}${index}`);
    });
  }

  it("everything a traffic policy can say", async () => {
    const rule = testRule([testRef("a", testUpstream()), testRef("b", testUpstream(), { priority: 1 })]);
    await accepted(testConfig([testRoute(rule, EVERYTHING)]), "policy");
  });

  it("everything TLS towards a backend can say", async () => {
    const pem = (name: string) => readFileSync(join(PROJECT, "testdata", "tls", name), "utf8");
    const tls = testTls({
      ca: pem("backend-ca.pem"),
      subjectAltNames: [
        { type: "URI", value: "spiffe://models.test/llm" },
        { type: "DNS", value: "other.test" },
      ],
      client: { chain: pem("gateway-a.pem"), key: new Secret(pem("gateway.key")) },
      parameters: {
        minVersion: "TLSv1.2",
        maxVersion: "TLSv1.2",
        ciphers: CIPHERS,
        curves: CURVES,
        signatureAlgorithms: SIGNATURE_ALGORITHMS,
      },
    });
    await accepted(testConfig([testRoute(testRule([testRef("a", testUpstream({ tls }))]))]), "tls");
  });

  const upstreams: Readonly<Record<string, Upstream>> = {
    address: testUpstream(),
    name: testUpstream({ endpoints: [testEndpoint("localhost")] }),
    tls: testUpstream({ tls: testTls({ serverName: "api.test" }) }),
    "h2 over tls": testUpstream({
      protocol: "h2",
      tls: testTls({ serverName: "10.0.0.1", ca: readFileSync(caPath, "utf8") }),
    }),
    h2c: testUpstream({ protocol: "h2" }),
    socket: testUpstream({ endpoints: [{ host: undefined, port: 0, unixPath: "/run/m.sock", authority: "m" }] }),
  };
  it("backends of all kinds, alone and every two of them in one rule", async () => {
    const pairs = Object.values(upstreams).flatMap((one) => Object.values(upstreams).map((other) => [one, other]));
    const rules = [...Object.values(upstreams).map((one) => [one]), ...pairs].map((kinds, index) => ({
      ...testRule(kinds.map((kind, ref) => testRef(String(ref), kind))),
      index,
      key: `default/main/${index}@abc`,
    }));
    const [first] = rules;
    assert.ok(first);
    await accepted(testConfig([{ ...testRoute(first), rules }]), "backends");
  });

  it("TLS, several certificates and HTTP/3", async () => {
    const chain = readFileSync(join(PROJECT, "testdata", "tls", "server.pem"), "utf8");
    const key = new Secret(readFileSync(join(PROJECT, "testdata", "tls", "server.key"), "utf8"));
    const certificates = ["a.test", "*.b.test", undefined].map((hostname) => ({ hostname, chain, key }));
    const listener: Partial<Listener> = { tls: { certificates }, http3: true };
    await accepted(testConfig([], listener), "tls");
  });

  it("several worker processes and a rate limit service", async () => {
    const rule = testRule([testRef("a", testUpstream()), testRef("b", testUpstream())]);
    const options = {
      ...OPTIONS,
      processor: { sockets: ["/run/0.sock", "/run/1.sock"] },
      rateLimitService: { host: "127.0.0.1", port: 8081, timeoutMs: 100, denyOnFailure: true },
    };
    await validate(staticBootstrap(testConfig([testRoute(rule)]), options), "workers");
  });

  it("the bootstrap that asks our discovery service for everything else", async () => {
    const start = bootstrap({ nodeId: "a", xdsSocket: "/run/discovery.sock", adminPort: 0 });
    await validate(JSON.stringify(start), "bootstrap");
  });
});

describe("the static bootstrap", () => {
  it("holds everything and names fields as Envoy's documentation does", async () => {
    const config = testConfig([testRoute(testRule([testRef("a", testUpstream())]))]);
    const { static_resources: resources } = parse(staticBootstrap(config, OPTIONS));
    const [manager] = resources.listeners[0].filter_chains[0].filters;
    assert.equal(manager.typed_config.route_config.name, "http");
    assert.deepEqual(
      resources.clusters.map(({ name, type }: { name: string; type?: string }) => [name, type ?? "STATIC"]),
      [
        ["httproute/default/main/rule/0@abc", "STATIC"],
        ["aigw-processor", "STATIC"],
        ["aigw-none", "STATIC"],
      ],
    );
    assert.doesNotMatch(JSON.stringify(resources), /"ads"/);
  });
});

const EVERYTHING: TrafficPolicy = {
  timeouts: { connectMs: 1, requestMs: 2, connectionIdleMs: 3, maxConnectionDurationMs: 4, streamIdleMs: 5 },
  retry: {
    numRetries: 2,
    attemptsPerPriority: 1,
    perTryTimeoutMs: 1_000,
    backoffBaseMs: 10,
    backoffMaxMs: 5,
    triggers: ["connect-failure", "reset", "5xx"],
    statusCodes: [429],
  },
  healthCheck: {
    active: {
      timeoutMs: 1_000,
      intervalMs: 1_000,
      unhealthyThreshold: 3,
      healthyThreshold: 1,
      http: { path: "/", method: "GET", hostname: "a.test", expectedStatuses: [200] },
    },
    passive: {
      splitExternalLocalOriginErrors: true,
      intervalMs: 1_000,
      consecutiveLocalOriginFailures: 5,
      consecutiveGatewayErrors: 0,
      consecutive5XxErrors: 5,
      baseEjectionTimeMs: 1_000,
      maxEjectionPercent: 10,
    },
    panicThreshold: 0,
  },
  circuitBreaker: {
    maxConnections: 1,
    maxPendingRequests: 1,
    maxParallelRequests: 1,
    maxParallelRetries: 1,
    maxRequestsPerConnection: 1,
  },
  loadBalancer: { type: "ConsistentHash", hash: { type: "SourceIP" } },
};
