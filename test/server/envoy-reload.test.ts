/** Configurations that change under load, with a real Envoy: no request fails, none reaches a provider with another one's key. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Simulator, startSimulator } from "../../src/simulate/simulator.ts";
import { apiKey, backend, route, upstream } from "../conformance/configs.ts";
import { installEnvoy } from "../install-envoy.ts";
import { ask, eventually, Load, metric } from "./envoy-tools.ts";
import { type Gateway, startGateway } from "./start-gateway.ts";

const RELOADS = 20;
const REQUESTS = 2000;
const CALLERS = 6;
const MODELS = ["moving", "weighted", "steady"];
const NAMES = ["red", "blue"] as const;

const providers: Simulator[] = [];
let gateway: Gateway;
before(async () => {
  // Each takes its own key alone.
  for (const name of NAMES)
    providers.push(await startSimulator({ port: 0, apiKey: `sk-${name}`, record: 10 * REQUESTS }));
  gateway = await startGateway(config(0), {
    workers: 2,
    args: ["--host", "envoy", "--envoy", await installEnvoy()],
  });
});
after(async () => {
  for (const provider of providers) await provider.close();
  await gateway.stop();
});

/** The n-th configuration: rules come, go and change places, one changes its backend, one its weights. */
function config(n: number): string {
  const [here = "", there = ""] = n % 2 === 0 ? NAMES : NAMES.toReversed();
  const rules = [
    rule("moving", `{ name: ${here} }`),
    rule("weighted", `{ name: red, weight: ${n % 3} }, { name: blue, weight: ${3 - (n % 3)} }`),
    rule("steady", "{ name: red }"),
    ...Array.from({ length: n % 4 }, (_, i) => rule(`passing-${i}`, `{ name: ${there} }`)),
    rule(`version-${n}`, `{ name: ${there} }`),
  ];
  const turned = [...rules.slice(n % rules.length), ...rules.slice(0, n % rules.length)];
  const backends = NAMES.map((name, i) => [
    backend(name, "{ name: OpenAI }", "", `${name}-at`),
    upstream(String(providers[i]?.port), `${name}-at`),
    apiKey(name, `sk-${name}`, { type: "APIKey", field: "apiKey" }),
  ]);
  return [route("main", turned.join("")), ...backends.flat()].join("\n");
}

function rule(model: string, refs: string): string {
  return `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: ${model} }] }]
      backendRefs: [${refs}]`;
}

test("twenty changes while thousands of requests run fail none of them, streams neither", async () => {
  const load = new Load(CALLERS, (id) => {
    const n = Number(id.slice(id.lastIndexOf("-") + 1));
    return ask(gateway.url, { id, model: MODELS[n % MODELS.length] ?? "", more: { stream: n % 2 === 1 } });
  });
  for (let n = 1; n <= RELOADS; n++) {
    await gateway.configure(config(n));
    await eventually(`version ${n}`, async () => {
      const { status } = await ask(gateway.url, { id: `version-${n}`, model: `version-${n}` });
      return status === 200 ? true : undefined;
    });
  }
  await eventually("enough requests", () => (load.outcomes.length >= REQUESTS ? true : undefined));
  const outcomes = await load.stop();
  assert.deepEqual(
    outcomes.filter(({ status }) => status !== 200),
    [],
  );
  const cut = outcomes.filter(({ text, type }) => type.startsWith("text/event-stream") && !text.endsWith("[DONE]\n\n"));
  assert.deepEqual(cut, []);
  const keys = providers.map(({ requests }) => new Set(requests.map(({ headers }) => headers["authorization"])));
  assert.deepEqual(keys, [new Set(["Bearer sk-red"]), new Set(["Bearer sk-blue"])]);
  assert.equal(await metric(gateway, 'aigw_config_reloads_total\\{result="ok"\\}'), RELOADS);
});
