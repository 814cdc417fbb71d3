/** An Envoy of somebody else's whose filter asks `aigw ratelimit` over mutual TLS; the processor leaves those limits to it. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Simulator, startSimulator } from "../../src/simulate/simulator.ts";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { backend, route, upstream } from "../conformance/configs.ts";
import { ask, eventually } from "./envoy-tools.ts";
import { OwnEnvoy } from "./own-envoy.ts";
import { type RateLimitService, startRateLimitService } from "./rate-limit-service.ts";

const TLS = new URL("../../testdata/tls/", import.meta.url).pathname;

const CONFIG = `${route("main", " [{ backendRefs: [{ name: openai }] }]")}
${backend("openai", "{ name: OpenAI }")}
${upstream(UPSTREAM_PORT)}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: { name: limits, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIGatewayRoute, name: main }]
  rateLimit:
    type: Global
    global: { rules: [{ clientSelectors: [{ headers: [{ name: x-user, type: Distinct }] }], limit: { requests: 2, unit: Year } }] }
`;

let simulator: Simulator;
let own: OwnEnvoy;
let service: RateLimitService;
let url = "";
before(async () => {
  simulator = await startSimulator({ port: 0 });
  const config = CONFIG.replaceAll(UPSTREAM_PORT, String(simulator.port));
  service = await startRateLimitService(config, { args: tlsOptions("server.pem", "client.pem") });
  own = new OwnEnvoy(config);
  const mutual = tlsOptions("server.pem", "client.pem");
  const processor = await own.startProcessor("127.0.0.1:0", [...mutual, "--limits-in-envoy"]);
  const [, address = ""] = /^(\S+) \(mutual TLS\)$/.exec(processor.where) ?? [];
  const asked = ["--rate-limit-service", service.address, "--rate-limit-tls", "--rate-limit-deny"];
  const envoyConfig = own.envoyConfig(["--processor", address, ...tlsOptions("client.pem", "ca.pem"), ...asked]);
  await own.validate(envoyConfig);
  ({ url } = await own.startEnvoy(envoyConfig));
  await eventually("a first answer", async () => ((await ask(url, { id: "first" })).status === 200 ? true : undefined));
});
after(async () => {
  await simulator.close();
  await service.stop();
  own.stop();
});

test("each request is counted once, by the service", async () => {
  const statuses: number[] = [];
  for (const id of ["a", "b", "c"]) statuses.push((await ask(url, { id, headers: { "x-user": "ann" } })).status);
  assert.deepEqual(statuses, [200, 200, 429]);
  const metrics = await (await fetch(`${service.adminUrl}/metrics`)).text();
  assert.match(metrics, /^aigw_limit_decisions_total\{decision="admitted"\} 2$/m);
  assert.match(metrics, /^aigw_limit_decisions_total\{decision="refused"\} 1$/m);
});

test("whoever shows no certificate that the service trusts is not answered, and requests are refused as they were to be", async () => {
  const address = service.address;
  await service.stop();
  const args = tlsOptions("server.pem", "gateway-a.pem");
  service = await startRateLimitService(CONFIG.replaceAll(UPSTREAM_PORT, "9"), { address, args });
  assert.equal((await ask(url, { id: "d", headers: { "x-user": "bob" } })).status, 503);
});

/** Both sides' options: the certificate to show, and the CA that signed the other one's. */
function tlsOptions(cert: string, ca: string): readonly string[] {
  return ["--tls-cert", TLS + cert, "--tls-key", `${TLS}server.key`, "--tls-ca", TLS + ca];
}
