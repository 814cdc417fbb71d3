/** The systems that are compared: how each is started and what its clients send. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { redisServer } from "../test/programs/redis.ts";
import { httpRequest } from "./load.ts";
import { freePort, type Launch, residentMb, type Started, start } from "./processes.ts";
import { envoyBinary, litellmCommand, portkeyScript, type Tools, VERSIONS } from "./tools.ts";
import { WORKLOADS } from "./workloads.ts";

/** Cores: the system under test has one, everything around it the other. */
export const SYSTEM_CORE = "0";
export const LOAD_CORE = "1";
export const BOTH_CORES = "0,1";

/** Names of the systems, in the order of the report and of each round: those that differ little are measured one after the other. */
export const SYSTEM_NAMES = [
  "direct",
  "envoy",
  "aigw-bare",
  "aigw",
  "aigw-limits",
  "aigw-limits-redis",
  "aigw-anthropic",
  "aigw-bedrock",
  "aigw-bedrock-signed",
  "aigw-envoy",
  "portkey",
  "litellm",
] as const;
export type SystemName = (typeof SYSTEM_NAMES)[number];

/** A system that answers. */
export interface System {
  readonly name: SystemName;
  readonly version: string;
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined for the direct call, which has no process of its own. */
  readonly process: Started | undefined;
  /** Resident memory before the first load; undefined for the direct call. */
  readonly idleMb: number | undefined;
}

/** What systems are started with. */
export interface Ground {
  readonly root: string;
  readonly tools: Tools;
  /** Folder of written configurations and logs. */
  readonly scratch: string;
  readonly mockPort: number;
}

/** Ports as the files in `configs/` have them: own, and of the mock provider. */
const PORT_WRITTEN = "65001";
const MOCK_PORT_WRITTEN = "65002";
const READY_MS = 60_000;
const SETTLE_MS = 500;

/** Starts the mock provider; resolves to its port. */
export async function startMock(
  ground: Omit<Ground, "mockPort">,
  cores: string,
): Promise<{ port: number; process: Started }> {
  const args = [join(ground.root, "bench", "mock.ts")];
  const mock = start({ name: "mock", command: process.execPath, args, cores }, ground.scratch);
  for (let waited = 0; waited < READY_MS && !mock.hasEnded(); waited += 20) {
    const port = Number(mock.output().trim());
    if (port > 0) return { port, process: mock };
    await delay(20);
  }
  throw new Error(`the mock provider did not start:\n${mock.output()}`);
}

/** Starts a system, waits for its first answer and lets it settle. */
export async function startSystem(name: SystemName, ground: Ground): Promise<System> {
  if (name === "direct") {
    return { name, version: "", port: ground.mockPort, headers: {}, process: undefined, idleMb: undefined };
  }
  const port = await freePort();
  const { launch, version, headers } = await PLANS[name](ground, port);
  const started = start(launch, ground.scratch);
  await firstAnswer(port, headers, started);
  await delay(SETTLE_MS);
  return { name, version, port, headers, process: started, idleMb: sum(residentMb(started.pid)) };
}

/** Configurations of this gateway, in `configs/`; the last three are `aigw` with a provider of another dialect. */
export type GatewayConfig = "aigw" | "aigw-bare" | "aigw-anthropic" | "aigw-bedrock" | "aigw-bedrock-signed";

/** How this gateway is started. */
export interface GatewayOptions {
  readonly name: string;
  readonly config: GatewayConfig;
  readonly port: number;
  readonly workers: number;
  readonly cores: string | undefined;
}

/** The command that starts this gateway, as its users start it. */
export function gatewayLaunch(ground: Ground, { name, config, port, workers, cores }: GatewayOptions): Launch {
  const log = config === "aigw" ? join(ground.scratch, `${name}-access.log`) : "none";
  const flags = ["--port", String(port), "--admin-port", "0", "--workers", String(workers), "--access-log", log];
  if (config === "aigw-bare") flags.push("--no-metrics");
  const args = [join(ground.root, "aigw.js"), "run", written(ground, config, port), ...flags];
  return { name, command: process.execPath, args, cores };
}

/** Resolves when the port answers a request as it should; rejects when the process ends or the time is up. */
export async function firstAnswer(
  port: number,
  headers: Readonly<Record<string, string>>,
  started: Started,
): Promise<void> {
  const [unary] = WORKLOADS;
  const request = unary === undefined ? "" : httpRequest(unary, { ...headers, connection: "close" });
  const deadline = performance.now() + READY_MS;
  while (performance.now() < deadline) {
    if (await isAnswered(port, request)) return;
    if (started.hasEnded()) break;
    await delay(1);
  }
  throw new Error(`it does not answer; it printed:\n${started.output()}`);
}

interface Plan {
  readonly launch: Launch;
  readonly version: string;
  readonly headers: Readonly<Record<string, string>>;
}

const PLANS: Readonly<Record<Exclude<SystemName, "direct">, (ground: Ground, port: number) => Promise<Plan>>> = {
  envoy: async (ground, port) => {
    const command = await envoyBinary(ground.tools);
    const args = ["-c", written(ground, "envoy", port), "--concurrency", "1", "--disable-hot-restart", "-l", "error"];
    return { launch: { name: "envoy", command, args, cores: SYSTEM_CORE }, version: VERSIONS.envoy, headers: {} };
  },
  aigw: async (ground, port) => gatewayPlan(ground, "aigw", port),
  "aigw-bare": async (ground, port) => gatewayPlan(ground, "aigw-bare", port),
  "aigw-anthropic": async (ground, port) => gatewayPlan(ground, "aigw-anthropic", port),
  "aigw-bedrock": async (ground, port) => gatewayPlan(ground, "aigw-bedrock", port),
  "aigw-bedrock-signed": async (ground, port) => gatewayPlan(ground, "aigw-bedrock-signed", port),
  "aigw-limits": async (ground, port) => limitsPlan(ground, "aigw-limits", port, []),
  "aigw-limits-redis": async (ground, port) => {
    redisPort ??= startRedis(ground);
    const redis = await redisPort;
    return limitsPlan(ground, "aigw-limits-redis", port, ["--limit-store", `redis://127.0.0.1:${redis}`]);
  },
  "aigw-envoy": async (ground, port) => {
    const { launch, ...plan } = gatewayPlan(ground, "aigw", port);
    const flags = ["--host", "envoy", "--envoy", await envoyBinary(ground.tools)];
    const log = join(ground.scratch, "aigw-envoy-access.log");
    return {
      ...plan,
      launch: { ...launch, name: "aigw-envoy", args: [...launch.args, ...flags, "--access-log", log] },
    };
  },
  portkey: async (ground, port) => {
    const args = [await portkeyScript(ground.tools), "--headless", `--port=${port}`];
    const headers = {
      "x-portkey-provider": "openai",
      "x-portkey-custom-host": `http://127.0.0.1:${ground.mockPort}/v1`,
    };
    return {
      launch: { name: "portkey", command: process.execPath, args, cores: SYSTEM_CORE },
      version: VERSIONS.portkey,
      headers,
    };
  },
  litellm: async (ground, port) => {
    const command = await litellmCommand(ground.tools);
    const args = [
      "--config",
      written(ground, "litellm", port),
      "--host",
      "127.0.0.1",
      "--port",
      String(port),
      "--num_workers",
      "1",
    ];
    // It does not start without a key of its own that is hard to guess.
    const key = `sk-${randomBytes(32).toString("hex")}`;
    const env = { LITELLM_MASTER_KEY: key };
    return {
      launch: { name: "litellm", command, args, cores: SYSTEM_CORE, env },
      version: VERSIONS.litellm,
      headers: { authorization: `Bearer ${key}` },
    };
  },
};

function gatewayPlan(ground: Ground, config: GatewayConfig, port: number): Plan {
  const manifest = JSON.parse(readFileSync(join(ground.root, "package.json"), "utf8")) as { version: string };
  const launch = gatewayLaunch(ground, { name: config, config, port, workers: 1, cores: SYSTEM_CORE });
  return { launch, version: manifest.version, headers: TENANT };
}

/** Limits count by it; whoever is compared with them gets the same requests. */
const TENANT = { "x-tenant": "acme" };

/** `aigw` with limits. */
function limitsPlan(ground: Ground, name: string, port: number, flags: readonly string[]): Plan {
  const { launch, ...plan } = gatewayPlan(ground, "aigw", port);
  const configs = join(ground.root, "bench", "configs");
  const more = [join(configs, "limits.yaml"), "--prices", join(configs, "prices.yaml"), ...flags];
  const log = join(ground.scratch, `${name}-access.log`);
  const args = [...launch.args, ...more, "--access-log", log];
  return { ...plan, launch: { ...launch, name, args } };
}

/** Redis is the same in every round, and ends with the run. */
let redisPort: Promise<number> | undefined;

/** Starts it beside the provider. */
async function startRedis({ scratch }: Ground): Promise<number> {
  const { command, env } = await redisServer();
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  start({ name: "redis", command, args, cores: LOAD_CORE, env }, scratch);
  await delay(SETTLE_MS);
  return port;
}

/** Writes a configuration with the run's ports filled in; resolves to its path. */
function written(ground: Ground, config: string, port: number): string {
  const template = readFileSync(join(ground.root, "bench", "configs", `${config}.yaml`), "utf8");
  const path = join(ground.scratch, `${config}-${port}.yaml`);
  mkdirSync(ground.scratch, { recursive: true });
  writeFileSync(
    path,
    template.replaceAll(PORT_WRITTEN, String(port)).replaceAll(MOCK_PORT_WRITTEN, String(ground.mockPort)),
  );
  return path;
}

function isAnswered(port: number, request: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port, noDelay: true });
    const finish = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(10_000, () => finish(false));
    socket.on("connect", () => socket.write(request));
    socket.on("data", (bytes: Buffer) => finish(bytes.toString("latin1", 0, 13) === "HTTP/1.1 200 "));
    // Not listening yet, or closed without an answer: asked again.
    socket.on("error", () => finish(false));
    socket.on("close", () => finish(false));
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
