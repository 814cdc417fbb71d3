/** Limits as the processes of a gateway hold them together, what the admin port says of them, and what a reload leaves of them. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startSimulator } from "../../src/simulate/simulator.ts";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { BACKENDS, CHAT, chat, route } from "../conformance/configs.ts";
import { installEnvoy } from "../install-envoy.ts";
import { eventually } from "./envoy-tools.ts";
import { type StartOptions, startGateway } from "./start-gateway.ts";

/** 80 bytes and the cap: 41 tokens are reserved, 18 are what the answer costs. */
const BODY = JSON.stringify(chat("gpt-4o", { max_tokens: 20 }));
const RESERVED = Math.ceil(BODY.length / 4) + 20;
const COST = 18;

function budget(amount: string, more = ""): string {
  return `${route("main", "\n    - backendRefs: [{ name: openai }]")}
${BACKENDS}
---
apiVersion: aigw.dev/v1alpha1
kind: BudgetPolicy
metadata: { name: budget, namespace: default }
spec:
  budgets: [{ name: day, limit: { ${amount} }, window: { type: Fixed, duration: 24h }${more} }]
`;
}

async function start(t: TestContext, config: string, options: StartOptions = {}) {
  const simulator = await startSimulator({ port: 0, behaviour: { chunkDelayMs: 0 } });
  const placed = (text: string) => text.replaceAll(UPSTREAM_PORT, String(simulator.port));
  const gateway = await startGateway(placed(config), options);
  t.after(async () => {
    await gateway.stop();
    await simulator.close();
  });
  const ask = async (headers: Record<string, string> = {}, body = BODY) => {
    const response = await fetch(`${gateway.url}${CHAT}`, { method: "POST", body, headers });
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
  const admin = async (path: string): Promise<unknown> => (await fetch(`${gateway.adminUrl}${path}`)).json();
  return { gateway, ask, admin, configure: (text: string) => gateway.configure(placed(text)) };
}

/** Undefined = not yet. */
function includes(document: unknown, part: string): true | undefined {
  return JSON.stringify(document).includes(part) ? true : undefined;
}

const FLEETS: readonly { name: string; options: () => Promise<StartOptions> }[] = [
  { name: "one process", options: async () => ({}) },
  { name: "two workers", options: async () => ({ workers: 2 }) },
  {
    name: "Envoy with two processors",
    options: async () => ({ workers: 2, args: ["--host", "envoy", "--envoy", await installEnvoy()] }),
  },
];

for (const { name, options } of FLEETS) {
  test(`exactly what fits is admitted of many requests at once, by ${name}`, async (t) => {
    // The provider holds its answers back until all have been decided about.
    const { ask, admin } = await start(t, budget(`tokens: ${7 * RESERVED + 3}`), await options());
    const hanging = { "x-simulate": "delay-ms=1500" };
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(hanging)));
    assert.deepEqual(
      [200, 429].map((status) => answers.filter((one) => one.status === status).length),
      [7, 33],
    );
    await eventually("the cost of the answers", async () => includes(await admin("/limits"), `"used":${7 * COST}`));
  });
}

test("the admin port explains which limits a request has, and how they stand", async (t) => {
  const { ask, admin } = await start(t, budget("tokens: 100", ", per: [{ from: Header, name: x-secret-team }]"), {
    workers: 2,
  });
  assert.equal((await ask({ "x-secret-team": "red" })).status, 200);
  const limit = { limit: "BudgetPolicy/default/budget/day", unit: "tokens", amount: 100 };
  const shown = { "header x-secret-team": "sha256:b1f51a511f1da0cd348b8f8598db32e6" };
  const explain = "/limits/explain?model=gpt-4o&header=x-secret-team:red";
  await eventually("the cost", async () => includes(await admin(explain), '"used":18'));
  assert.partialDeepStrictEqual(await admin(explain), {
    route: "default/main",
    limits: [{ ...limit, matched: true, counter: shown, used: 18, reserved: 0, remaining: 82 }],
  });
  assert.partialDeepStrictEqual(await admin("/limits/explain?model=gpt-4o"), {
    limits: [{ ...limit, matched: false, why: "the request has no header x-secret-team" }],
  });
  assert.partialDeepStrictEqual(await admin("/limits"), { limits: [{ ...limit, counters: [{ used: 18 }] }] });
  assert.match(JSON.stringify(await admin("/limits/explain?modle=a")), /unknown parameter .*modle/);
});

test("a reload keeps what is counted, and its new amount holds at once", async (t) => {
  const { ask, configure, admin } = await start(t, budget("tokens: 50"));
  assert.equal((await ask()).status, 200);
  assert.equal((await ask()).status, 429);
  await configure(budget("tokens: 100"));
  await eventually("the new amount", async () => includes(await admin("/limits"), '"amount":100'));
  const { status, headers } = await ask();
  assert.deepEqual([status, headers.get("x-ratelimit-remaining")], [200, String(100 - 2 * COST)]);
});

test("prices of one's own are used, also after they change, and wrong ones are refused", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "aigw-test-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "prices.yaml");
  const prices = (input: number) => `prices: [{ models: [own], prices: { input: ${input}, output: 0 } }]\n`;
  await writeFile(file, prices(500));
  const { ask, gateway } = await start(t, budget('dollars: "1"', ", per: [{ from: Header, name: x-team }]"), {
    args: ["--prices", file],
  });
  const body = BODY.replace("gpt-4o", "own");
  const remaining = async (team: string) => (await ask({ "x-team": team }, body)).headers.get("x-ratelimit-remaining");
  assert.equal(await remaining("a"), "0.999", "two tokens of input");
  await writeFile(file, prices(-1));
  await eventually("the refusal", () => includes(gateway.stderr(), "configuration refused"));
  await writeFile(file, prices(5000));
  let teams = 0;
  await eventually("the new price", async () => ((await remaining(`b${++teams}`)) === "0.99" ? true : undefined));
});
