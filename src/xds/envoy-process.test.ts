/** Against a real Envoy: what it makes of our discovery service, and how its process is kept. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, createServer, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { installEnvoy } from "../../test/install-envoy.ts";
import type { ListenerJson } from "../gen/envoy/config/listener/v3/listener_pb.ts";
import { createGrpcServer, type GrpcServer } from "../grpc/server.ts";
import { createLogger } from "../telemetry/logger.ts";
import { AdsServer } from "./ads.ts";
import { bootstrap } from "./bootstrap.ts";
import { EnvoyProcess } from "./envoy-process.ts";
import { barrierListener } from "./envoy-process-barrier.ts";
import type { EnvoyResources } from "./resources.ts";
import { packSnapshot } from "./snapshot-pack.ts";

const HTTP = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

/** What differs between the configurations of the tests. */
interface Setting {
  /** Answered at every path but /upstream. */
  readonly text: string;
  /** 0 = chosen by the system. */
  readonly port?: number;
  readonly connectTimeout?: string;
}

function listener(port: number): ListenerJson {
  const http = {
    "@type": HTTP,
    statPrefix: "http",
    rds: { routeConfigName: "http", configSource: { ads: {}, resourceApiVersion: "V3" } },
    httpFilters: [{ name: "router", typedConfig: { "@type": ROUTER } }],
  };
  return {
    name: "http",
    address: { socketAddress: { address: "127.0.0.1", portValue: port } },
    filterChains: [{ filters: [{ name: "http", typedConfig: http }] }],
  };
}

function resources({ text, port = 0, connectTimeout = "1s" }: Setting): EnvoyResources {
  const routes = [
    { match: { prefix: "/upstream" }, route: { cluster: "upstream", timeout: "0s" } },
    { match: { prefix: "/" }, directResponse: { status: 200, body: { inlineString: text } } },
  ];
  const upstream = { socketAddress: { address: "127.0.0.1", portValue: upstreamPort } };
  const ads = { ads: {}, resourceApiVersion: "V3" } as const;
  return {
    listeners: new Map([["http", listener(port)]]),
    routes: new Map([["http", { name: "http", virtualHosts: [{ name: "all", domains: ["*"], routes }] }]]),
    clusters: new Map([
      ["upstream", { name: "upstream", type: "EDS", edsClusterConfig: { edsConfig: ads }, connectTimeout }],
    ]),
    endpoints: new Map([
      ["upstream", { clusterName: "upstream", endpoints: [{ lbEndpoints: [{ endpoint: { address: upstream } }] }] }],
    ]),
    secrets: new Map(),
  };
}

let folder = "";
let upstream: Server;
let upstreamPort = 0;
/** Answers of the upstream that wait for their end. */
const held: ServerResponse[] = [];
let binary = "";

before(async () => {
  binary = await installEnvoy();
  folder = mkdtempSync(join(tmpdir(), "aigw-envoy-"));
  upstream = createServer((_, response) => {
    response.write("begun ");
    held.push(response);
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  upstreamPort = (upstream.address() as AddressInfo).port;
});
after(() => {
  upstream.close();
  upstream.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

/** An Envoy with the discovery service it gets its configuration from. */
class Scene {
  readonly ads: AdsServer;
  readonly envoy: EnvoyProcess;
  readonly lines: string[] = [];
  readonly #discovery: GrpcServer;
  readonly #socket: string;
  port = 0;

  constructor(name: string, { debug = false, program = binary } = {}) {
    const log = createLogger({ level: "debug", format: "text", write: (line) => this.lines.push(line) });
    const own = mkdtempSync(join(folder, `${name}-`));
    this.#socket = join(own, "discovery.sock");
    const start = bootstrap({ nodeId: name, xdsSocket: this.#socket, adminPort: 0 });
    this.ads = new AdsServer(packSnapshot(resources({ text: "first" })), log);
    this.#discovery = createGrpcServer(this.ads.methods, { onError: (error) => this.lines.push(String(error)) });
    this.envoy = new EnvoyProcess({
      binary: program,
      folder: own,
      bootstrap: JSON.stringify(start),
      concurrency: 1,
      drainSeconds: 5,
      debug,
      log,
    });
  }

  async start(): Promise<void> {
    await this.#discovery.listen({ path: this.#socket });
    const ports = await this.envoy.start(["http"]);
    this.port = ports.get("http") ?? 0;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async serve(setting: Setting) {
    this.ads.setSnapshot(packSnapshot(resources(setting)));
    return await this.ads.settled(10_000);
  }

  async stop(): Promise<void> {
    await this.envoy.stop();
    await this.#discovery.close(0);
  }
}

async function get(url: string, agent?: Agent, headers: Record<string, string> = {}): Promise<string> {
  return await new Promise((resolve, reject) => {
    const asked = request(url, { agent: agent ?? false, headers }, (answer) => {
      let text = `${answer.statusCode} `;
      answer.setEncoding("utf8");
      answer.on("data", (more: string) => {
        text += more;
      });
      answer.on("end", () => resolve(text));
      answer.on("error", reject);
    });
    asked.on("error", reject);
    asked.end();
  });
}

async function withEnvoy(name: string, play: (scene: Scene) => Promise<void>, options = {}): Promise<void> {
  const scene = new Scene(name, options);
  try {
    await scene.start();
    await play(scene);
  } finally {
    await scene.stop();
  }
}

test("Envoy serves what it is given, on a port the system chose", async () => {
  await withEnvoy("start", async (scene) => {
    assert.ok(scene.port > 0);
    assert.equal(await get(scene.url), "200 first");
    assert.deepEqual(await scene.ads.settled(5_000), { result: "accepted" });
    assert.deepEqual(
      scene.ads.status().map(({ node }) => node),
      ["start"],
    );
    assert.match(scene.envoy.adminUrl ?? "", /^http:\/\/127\.0\.0\.1:\d+$/);
  });
});

test("changes reach Envoy without a failed request, also on open connections", async () => {
  await withEnvoy("change", async (scene) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answers = new Set<string>();
    let changing = true;
    const asking = (async () => {
      while (changing) answers.add(await get(scene.url, agent)).add(await get(scene.url));
    })();
    for (let i = 0; i < 10; i++) {
      const change = { text: `text ${i}`, connectTimeout: `${i + 1}s` };
      assert.deepEqual(await scene.serve(change), { result: "accepted" });
    }
    changing = false;
    await asking;
    agent.destroy();
    assert.ok(answers.size > 1);
    assert.deepEqual(
      [...answers].filter((answer) => !answer.startsWith("200 ")),
      [],
    );
    assert.equal(await get(scene.url), "200 text 9");
  });
});

test("what Envoy refuses is told with its reason, the old one serves on, and a better one is taken", async () => {
  await withEnvoy("refuse", async (scene) => {
    const acceptance = await scene.serve({ text: "never seen", connectTimeout: "-1s" });
    assert.equal(acceptance.result, "refused");
    assert.match(scene.ads.refusal?.message ?? "", /duration/);
    assert.equal(scene.ads.refusals, 1);
    assert.equal(await get(scene.url), "200 first");
    assert.deepEqual(await scene.serve({ text: "better" }), { result: "accepted" });
    assert.equal(await get(scene.url), "200 better");
    assert.equal(scene.ads.refusals, 1);
  });
});

test("an Envoy that is killed is started again and serves the same", async () => {
  await withEnvoy("restart", async (scene) => {
    await scene.serve({ text: "second", port: scene.port });
    const { pid = 0 } = scene.envoy;
    process.kill(pid, "SIGKILL");
    while (scene.envoy.restarts === 0 || !scene.envoy.live) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(scene.envoy.restarts, 1);
    assert.notEqual(scene.envoy.pid, pid);
    assert.equal(await get(scene.url), "200 second");
    assert.match(scene.lines.join(""), /ERROR Envoy has ended and is started again how="SIGKILL"/);
  });
});

test("while it drains, Envoy takes no connections and lets a request finish", async () => {
  await withEnvoy("drain", async (scene) => {
    const begun = new Promise((resolve) => upstream.once("request", resolve));
    const answer = get(`${scene.url}/upstream`);
    await begun;
    const drained = scene.envoy.drain(10_000).then(() => "drained");
    while (await connects(scene.url)) await new Promise((resolve) => setTimeout(resolve, 10));
    held.pop()?.end("and ended");
    assert.equal(await drained, "drained");
    assert.equal(await answer, "200 begun and ended");
  });
});

test("a request that does not end is not waited for longer than told", async () => {
  await withEnvoy("drain-limit", async (scene) => {
    const begun = new Promise((resolve) => upstream.once("request", resolve));
    const answer = get(`${scene.url}/upstream`);
    await begun;
    await scene.envoy.drain(50);
    await Promise.all([assert.rejects(answer), scene.envoy.stop()]);
  });
});

test("Envoy's debug log holds no credentials", async () => {
  const play = async (scene: Scene) => {
    assert.equal(await get(scene.url, undefined, { authorization: "Bearer sk-credential" }), "200 first");
    await scene.envoy.stop();
    const log = scene.lines.join("");
    assert.match(log, /DEBUG envoy: .*logger="connection"/);
    assert.doesNotMatch(log, /sk-credential/);
  };
  await withEnvoy("debug", play, { debug: true });
});

test("a program that is no Envoy is told, and is not started again", async () => {
  const scene = new Scene("wrong", { program: "/nonexistent/envoy" });
  await assert.rejects(scene.start(), /Envoy ended with .*ENOENT/);
  await scene.stop();
  assert.equal(scene.envoy.restarts, 0);
});

async function connects(url: string): Promise<boolean> {
  try {
    await get(url);
    return true;
  } catch {
    // Refused: that is what is waited for.
    return false;
  }
}

test("a listener that binds to no port tells when all threads have what came before it", async () => {
  await withEnvoy("barrier", async (scene) => {
    const { listeners, ...rest } = resources({ text: "first" });
    for (const turn of [1, 2]) {
      const before = (await scene.envoy.listenersAdded()) ?? 0;
      const added = new Map([...listeners, ["barrier", { ...barrierListener(turn), name: "barrier" }]]);
      scene.ads.setSnapshot(packSnapshot({ ...rest, listeners: added }));
      while (((await scene.envoy.listenersAdded()) ?? 0) <= before)
        await new Promise((resolve) => setTimeout(resolve, 2));
      scene.ads.setSnapshot(packSnapshot({ ...rest, listeners }));
      assert.deepEqual(await scene.ads.settled(5_000), { result: "accepted" });
    }
    assert.equal(scene.ads.refusals, 0);
  });
});
