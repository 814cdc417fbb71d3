/** `aigw extproc` beside an Envoy that somebody else runs with what `aigw envoy-config` prints: it ends, comes back, is slow. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Simulator, startSimulator } from "../../src/simulate/simulator.ts";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { ask, eventually, faultsConfig, Load, type Outcome } from "./envoy-tools.ts";
import { OwnEnvoy, type Processor } from "./own-envoy.ts";

const MODELS = ["one", "two", "claude-x"];
const CALLERS = 4;
/** Well within the time that Envoy waits. */
const SLOW_MS = 500;
const MESSAGE_TIMEOUT_MS = 5000;

let simulator: Simulator;
let own: OwnEnvoy;
let processor: Processor;
let url = "";
before(async () => {
  simulator = await startSimulator({ port: 0 });
  own = new OwnEnvoy(faultsConfig().replaceAll(UPSTREAM_PORT, String(simulator.port)));
  processor = await startProcessor();
  const timeout = ["--message-timeout", String(MESSAGE_TIMEOUT_MS)];
  ({ url } = await own.startEnvoy(own.envoyConfig(["--processor", socket(), ...timeout])));
});
after(async () => {
  await simulator.close();
  own.stop();
});

function socket(): string {
  return `unix:${join(own.folder, "processor.sock")}`;
}

function startProcessor(): Promise<Processor> {
  return own.startProcessor(socket());
}

async function kill({ child }: Processor): Promise<void> {
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
  processor.child.kill("SIGSTOP");
  const asked = Promise.all(MODELS.map((model) => ask(url, { id: "slow", model })));
  setTimeout(() => processor.child.kill("SIGCONT"), SLOW_MS);
  for (const { status, tookMs } of await asked) {
    assert.equal(status, 200);
    assert.ok(tookMs >= SLOW_MS - 50 && tookMs < MESSAGE_TIMEOUT_MS, `took ${tookMs} ms`);
  }
});
