/** `aigw extproc` beside an Envoy that somebody else runs with what `aigw envoy-config` prints: it ends, comes back, is slow. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Simulator, startSimulator } from "../../src/simulate/simulator.ts";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { installEnvoy } from "../install-envoy.ts";
import { ask, eventually, faultsConfig, Load, type Outcome } from "./envoy-tools.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const ENV = { PATH: process.env["PATH"] };
const MODELS = ["one", "two", "claude-x"];
const CALLERS = 4;
/** Well within the time that Envoy waits. */
const SLOW_MS = 500;
const MESSAGE_TIMEOUT_MS = 5000;

const started: ChildProcess[] = [];
let folder = "";
let simulator: Simulator;
let processor: ChildProcess;
let url = "";
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "aigw-restart-"));
  simulator = await startSimulator({ port: 0 });
  writeFileSync(join(folder, "config.yaml"), faultsConfig().replaceAll(UPSTREAM_PORT, String(simulator.port)));
  processor = await startProcessor();
  await startEnvoy();
});
after(async () => {
  await simulator.close();
  for (const child of started) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

async function startProcessor(): Promise<ChildProcess> {
  const file = join(folder, "config.yaml");
  const where = ["--listen", `unix:${join(folder, "processor.sock")}`, "--admin-port", "0"];
  const child = spawn(process.execPath, [MAIN, "extproc", file, ...where, "--workers", "1", "--access-log", "none"], {
    env: ENV,
    stdio: ["ignore", "ignore", "pipe"],
  });
  started.push(child);
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  await eventually("the processor", () => {
    assert.equal(child.exitCode, null, stderr);
    return stderr.includes("admin on") ? true : undefined;
  });
  return child;
}

async function startEnvoy(): Promise<void> {
  const socket = `unix:${join(folder, "processor.sock")}`;
  const options = ["--processor", socket, "--address", "127.0.0.1", "--port", "0", "--admin-port", "0"];
  const timeout = ["--message-timeout", String(MESSAGE_TIMEOUT_MS)];
  const command = [MAIN, "envoy-config", join(folder, "config.yaml"), ...options, ...timeout];
  const file = join(folder, "envoy.yaml");
  writeFileSync(file, execFileSync(process.execPath, command, { env: ENV, stdio: ["ignore", "pipe", "ignore"] }));
  const admin = join(folder, "admin.txt");
  const flags = ["--admin-address-path", admin, "--concurrency", "1", "--disable-hot-restart", "--log-level", "off"];
  const envoy = spawn(await installEnvoy(), ["-c", file, ...flags], { env: ENV, stdio: "ignore" });
  started.push(envoy);
  url = await eventually("Envoy's listener", async () => {
    assert.equal(envoy.exitCode, null);
    if (!existsSync(admin) || readFileSync(admin, "utf8") === "") return undefined;
    try {
      const text = await (await fetch(`http://${readFileSync(admin, "utf8")}/listeners`)).text();
      const address = /::(127\.0\.0\.1:\d+)/.exec(text)?.[1];
      return address && `http://${address}`;
    } catch {
      // Its admin page is not there yet.
      return undefined;
    }
  });
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

function next(id: string): Promise<Outcome> {
  const n = Number(id.slice(id.lastIndexOf("-") + 1));
  return ask(url, { id, model: MODELS[n % MODELS.length] ?? "", more: { stream: n % 2 === 1 } });
}

test("a processor that is killed and started again under load is asked again by the same Envoy", async () => {
  await eventually("a first answer", async () => ((await next("first-0")).status === 200 ? true : undefined));
  const load = new Load(CALLERS, next);
  const since = (from: number, wanted: (outcome: Outcome) => boolean) =>
    load.outcomes.slice(from).filter(wanted).length;
  await eventually("answers", () => (since(0, ({ status }) => status === 200) > 30 ? true : undefined));
  const killed = load.outcomes.length;
  await kill(processor);
  await eventually("refusals", () => (since(killed, ({ status }) => status === 503) > 30 ? true : undefined));
  processor = await startProcessor();
  const restarted = load.outcomes.length;
  await eventually("answers again", () => (since(restarted, ({ status }) => status === 200) > 60 ? true : undefined));
  const outcomes = await load.stop();
  const failed = outcomes.flatMap((outcome, n) => (outcome.status === 200 ? [] : [{ ...outcome, n }]));
  assert.deepEqual(
    [...new Set(failed.map(({ status }) => status))].filter((status) => status !== 503 && status !== 0),
    [],
  );
  const first = failed.filter(({ n }) => n < killed);
  assert.deepEqual(first, []);
  for (const { status, text } of failed) assert.ok(status === 0 || "error" in (JSON.parse(text) as object), text);
  const served = outcomes.slice(restarted).findIndex(({ status }) => status === 200);
  const relapsed = outcomes.slice(restarted + served + CALLERS).filter(({ status }) => status !== 200);
  assert.deepEqual(relapsed, []);
});

test("a processor that is slow but in time only delays", async () => {
  processor.kill("SIGSTOP");
  const asked = Promise.all(MODELS.map((model) => ask(url, { id: "slow", model })));
  setTimeout(() => processor.kill("SIGCONT"), SLOW_MS);
  for (const { status, tookMs } of await asked) {
    assert.equal(status, 200);
    assert.ok(tookMs >= SLOW_MS - 50 && tookMs < MESSAGE_TIMEOUT_MS, `took ${tookMs} ms`);
  }
});
