/** An Envoy of somebody else's that asks its processor over TCP, both showing certificates. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Simulator, startSimulator } from "../../src/simulate/simulator.ts";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { ask, eventually, faultsConfig } from "./envoy-tools.ts";
import { OwnEnvoy, type Processor } from "./own-envoy.ts";

const TLS = new URL("../../testdata/tls/", import.meta.url).pathname;

let simulator: Simulator;
let own: OwnEnvoy;
let processor: Processor;
before(async () => {
  simulator = await startSimulator({ port: 0 });
  own = new OwnEnvoy(faultsConfig().replaceAll(UPSTREAM_PORT, String(simulator.port)));
  processor = await own.startProcessor("127.0.0.1:0", tlsOptions("server.pem", "client.pem"));
});
after(async () => {
  await simulator.close();
  own.stop();
});

/** Both sides' options: the certificate to show, and the CA that signed the other one's. */
function tlsOptions(cert: string, ca: string): readonly string[] {
  return ["--tls-cert", TLS + cert, "--tls-key", `${TLS}server.key`, "--tls-ca", TLS + ca];
}

function envoyConfig(cert: string, ...more: readonly string[]): string {
  const [, address = ""] = /^(\S+) \(mutual TLS\)$/.exec(processor.where) ?? [];
  return own.envoyConfig(["--processor", address, ...tlsOptions(cert, "ca.pem"), ...more]);
}

/** The status of the first answer. */
function firstStatus(url: string): Promise<number> {
  return eventually("an answer", async () => (await ask(url, { id: "first" })).status || undefined);
}

test("Envoy accepts the configuration, and requests are served", async () => {
  const config = envoyConfig("client.pem");
  await own.validate(config);
  const { url } = await own.startEnvoy(config);
  await eventually("a first answer", async () => ((await firstStatus(url)) === 200 ? true : undefined));
  for (const model of ["one", "two"]) assert.equal((await ask(url, { id: model, model })).status, 200);
});

const STRANGERS: readonly { name: string; in: () => string }[] = [
  { name: "an Envoy whose certificate another CA signed is not answered", in: () => envoyConfig("server.pem") },
  {
    name: "an Envoy does not trust a processor of another name",
    in: () => envoyConfig("client.pem", "--tls-name", "elsewhere.test"),
  },
];

for (const { name, in: config } of STRANGERS) {
  test(name, async () => {
    const { url, adminUrl } = await own.startEnvoy(config());
    const checks = async () => (await fetch(`${adminUrl}/stats?filter=aigw-processor.health_check`)).text();
    const failed = await eventually("a health check that fails", async () => {
      const text = await checks();
      return /health_check\.failure: [1-9]/.test(text) ? text : undefined;
    });
    assert.match(failed, /health_check\.success: 0\n/);
    assert.deepEqual([await firstStatus(url), await firstStatus(url)], [503, 503]);
  });
}
