/** A provider that asks for the gateway's certificate, behind each host; certificates change by reload under load. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect as connectTcp } from "node:net";
import { after, before, describe, test } from "node:test";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { type Simulator, startSimulator } from "../../src/simulate/simulator.ts";
import { backend, route } from "../conformance/configs.ts";
import { installEnvoy } from "../install-envoy.ts";
import { ask, eventually, Load } from "./envoy-tools.ts";
import { type Gateway, startGateway } from "./start-gateway.ts";

const KEY = file("gateway.key");
const BODY_OF_KEY = KEY.split("\n")[1] ?? "";
const CALLERS = 4;
const AFTER_RELOAD = 100;

function file(name: string): string {
  return readFileSync(new URL(`../../testdata/tls/${name}`, import.meta.url), "utf8");
}

/** Takes TLS off and hands on what it carries; who is not known by its certificate does not get in. */
class Terminator {
  /** Names of who connected. */
  readonly clients: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<TLSSocket>();

  constructor(port: number) {
    const options = {
      cert: file("spiffe.pem"),
      key: file("server.key"),
      ca: file("backend-ca.pem"),
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ["http/1.1"],
    };
    this.#server = createServer(options, (socket) => {
      this.clients.push(String(socket.getPeerCertificate().subject.CN));
      this.#sockets.add(socket);
      const inner = connectTcp(port, "127.0.0.1");
      socket.on("error", () => inner.destroy()).on("close", () => inner.destroy());
      inner.on("error", () => socket.destroy()).on("close", () => socket.destroy());
      socket.pipe(inner).pipe(socket);
    });
    this.#server.on("tlsClientError", () => undefined);
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Backends that differ in what they present and whom they accept; a model of each one's name goes to it. */
const BACKENDS = ["known", "by-gateway", "unknown", "mistaken"] as const;

function config(port: number, own: string): string {
  const rules = BACKENDS.map(
    (name) => `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: ${name} }] }]
      backendRefs: [{ name: ${name} }]`,
  );
  return `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gateway, namespace: default }
spec:
  gatewayClassName: aigw
  listeners: [{ name: http, port: 10080, protocol: HTTP }]
  tls: { backend: { clientCertificateRef: { name: gateway-b } } }
${secret("gateway-b", file("gateway-b.pem"))}
${secret("own", file(own))}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: ca, namespace: default }
data: ${JSON.stringify({ "ca.crt": file("backend-ca.pem") })}
${route("main", rules.join(""))}
${upstream("known", port, "spiffe://models.test/llm", "{ clientCertificateRef: { name: own } }")}
${upstream("by-gateway", port, "spiffe://models.test/llm", "{}")}
${upstream("mistaken", port, "spiffe://models.test/other", "{}")}
${upstream("unknown", port, "spiffe://models.test/llm", "{ clientCertificateRef: { name: stranger } }")}
${secret("stranger", file("client.pem"), file("server.key"))}`;
}

function secret(name: string, chain: string, key = KEY): string {
  return `---
apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: default }
type: kubernetes.io/tls
stringData: ${JSON.stringify({ "tls.crt": chain, "tls.key": key })}`;
}

function upstream(name: string, port: number, uri: string, tls: string): string {
  return `${backend(name, "{ name: OpenAI }", "", name)}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: { name: ${name}, namespace: default }
spec:
  endpoints: [{ ip: { address: 127.0.0.1, port: ${port} } }]
  tls: ${tls}
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: { name: ${name}, namespace: default }
spec:
  targetRefs: [{ group: gateway.envoyproxy.io, kind: Backend, name: ${name} }]
  validation:
    hostname: models.test
    caCertificateRefs: [{ group: "", kind: ConfigMap, name: ca }]
    subjectAltNames: [{ type: URI, uri: "${uri}" }]`;
}

const HOSTS = [
  { host: "embedded", args: async () => [] },
  { host: "Envoy", args: async () => ["--host", "envoy", "--envoy", await installEnvoy()] },
];

for (const { host, args } of HOSTS) {
  describe(`${host} host`, () => {
    let simulator: Simulator;
    let terminator: Terminator;
    let gateway: Gateway;
    let port = 0;
    before(async () => {
      simulator = await startSimulator({ port: 0, record: 10_000 });
      terminator = new Terminator(simulator.port);
      port = await terminator.start();
      gateway = await startGateway(config(port, "gateway-a.pem"), { args: await args() });
    });
    after(async () => {
      terminator.stop();
      await simulator.close();
      assert.equal(await gateway.stop(), 0);
    });

    for (const [model, client] of [
      ["known", "gateway-a"],
      ["by-gateway", "gateway-b"],
    ] as const) {
      test(`a provider that knows ${client} is asked, whole and streamed`, async () => {
        assert.equal((await ask(gateway.url, { id: `${model}-whole`, model })).status, 200);
        const streamed = await ask(gateway.url, { id: `${model}-stream`, model, more: { stream: true } });
        assert.match(streamed.text, /data: \[DONE\]\n\n$/);
        assert.equal(terminator.clients.at(-1), client);
      });
    }

    test("a provider that does not take our certificate, and one whose own has another name, are unavailable", async () => {
      const asked = simulator.requests.length;
      for (const model of ["unknown", "mistaken"]) {
        assert.equal((await ask(gateway.url, { id: model, model })).status, 503);
      }
      assert.equal(simulator.requests.length, asked);
    });

    test("a renewed certificate is presented after a reload, and no request fails meanwhile", async () => {
      const load = new Load(
        CALLERS,
        (id) => ask(gateway.url, { id, model: "known", more: { stream: id.endsWith("1") } }),
        "reload",
      );
      await eventually("requests before the reload", () => (load.outcomes.length > AFTER_RELOAD ? true : undefined));
      const connected = terminator.clients.length;
      await gateway.configure(config(port, "gateway-b.pem"));
      await eventually("the renewed certificate", () =>
        terminator.clients.slice(connected).includes("gateway-b") ? true : undefined,
      );
      const { length } = load.outcomes;
      await eventually("requests after it", () => (load.outcomes.length > length + AFTER_RELOAD ? true : undefined));
      const outcomes = await load.stop();
      assert.deepEqual(
        outcomes.filter(({ status }) => status !== 200),
        [],
      );
    });

    test("no output holds the key", async () => {
      const said = [gateway.stderr(), JSON.stringify(gateway.logs())];
      for (const path of ["/metrics", "/status", "/"]) said.push(await (await fetch(gateway.adminUrl + path)).text());
      assert.equal(said.join("").includes(BODY_OF_KEY), false);
    });
  });
}
