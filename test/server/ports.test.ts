/** A Gateway with several ports: each serves its own routes, and a reload changes them while the ports stay open. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { backend, CHAT, chat, upstream } from "../conformance/configs.ts";
import { type GatewayWithSimulator, startWithSimulator } from "./start-gateway.ts";

function listeners(...written: string[]): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gateway, namespace: default }
spec:
  gatewayClassName: aigw
  listeners: [${written.join(", ")}]
---
`;
}

const LEFT = "{ name: left, port: 10080, protocol: HTTP }";
const RIGHT = "{ name: right, port: 10081, protocol: HTTP }";

function config(simulatorPort: number, routes: string, limit = "1Mi"): string {
  return `${listeners(LEFT, RIGHT)}apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: { name: limit, namespace: default }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: gateway, sectionName: right }]
  connection: { bufferLimit: ${limit} }
${routes}
${backend("openai", "{ name: OpenAI }")}
${upstream(String(simulatorPort))}`;
}

/** A route for one model, attached to a listener or, for "", to wherever there is. */
function route(name: string, parent: string, model: string): string {
  return `---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: { name: ${name}, namespace: default }
spec:
  parentRefs: [${parent && `{ name: gateway, ${parent} }`}]
  rules:
    - matches: [{ headers: [{ name: x-ai-eg-model, value: ${model} }] }]
      backendRefs: [{ name: openai }]
`;
}

const ROUTES = route("left", "sectionName: left", "left-model") + route("right", "port: 10081", "right-model");

let gateway: GatewayWithSimulator;
const urls = new Map<string, string>();
before(async () => {
  gateway = await startWithSimulator((port) => config(port, ROUTES));
  const status = (await (await fetch(`${gateway.adminUrl}/status`)).json()) as {
    listeners: { name: string; port: number }[];
  };
  for (const { name, port } of status.listeners) urls.set(name, `http://127.0.0.1:${port}`);
});
after(async () => {
  assert.equal(await gateway.stop(), 0);
});

async function statusOf(listener: string, model: string): Promise<number> {
  const body = JSON.stringify(chat(model));
  const response = await fetch(urls.get(listener) + CHAT, { method: "POST", body });
  await response.arrayBuffer();
  return response.status;
}

async function modelsOf(listener: string): Promise<string[]> {
  const { data } = (await (await fetch(`${urls.get(listener)}/v1/models`)).json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
}

test("a route is served at the port it is attached to and at no other", async () => {
  assert.equal(await statusOf("left", "left-model"), 200);
  assert.equal(await statusOf("right", "right-model"), 200);
  assert.equal(await statusOf("left", "right-model"), 404);
  assert.equal(await statusOf("right", "left-model"), 404);
});

test("a port lists the models of its own routes", async () => {
  assert.deepEqual(await modelsOf("left"), ["left-model"]);
  assert.deepEqual(await modelsOf("right"), ["right-model"]);
});

test("a reload moves a route to another port and changes a port's limit", async () => {
  const moved = route("left", "sectionName: left", "left-model") + route("right", "sectionName: left", "right-model");
  await gateway.configure(
    config(gateway.simulator.port, moved + route("any", "sectionName: right", "any-model"), "16"),
  );
  while (!(await modelsOf("right")).includes("any-model")) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await statusOf("left", "right-model"), 200);
  assert.equal(await statusOf("right", "right-model"), 413);
});

test("listeners that come and go are told: what is open stays open until a restart", async () => {
  const rest = route("left", "sectionName: left", "newer-model") + backend("openai", "{ name: OpenAI }");
  const third = "{ name: third, port: 10082, protocol: HTTP }";
  await gateway.configure(`${listeners(LEFT, third)}${rest}${upstream(String(gateway.simulator.port))}`);
  while (!(await modelsOf("left")).includes("newer-model")) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await modelsOf("right"), []);
  while (!gateway.stderr().includes("third")) await new Promise((resolve) => setImmediate(resolve));
  assert.match(gateway.stderr(), /a listener changed: restart to apply that .*right/);
  assert.match(gateway.stderr(), /a listener was added: restart to apply that .*third/);
});

test("the only port goes on serving when the configuration gives it another number", async () => {
  const rest = (port: number) => `${backend("openai", "{ name: OpenAI }")}${upstream(String(port))}`;
  const alone = await startWithSimulator((port) => route("main", "", "old-model") + rest(port));
  const list = async () => (await fetch(`${alone.url}/v1/models`)).text();
  assert.match(await list(), /old-model/);
  await alone.configure(listeners(LEFT) + route("main", "sectionName: left", "new-model") + rest(alone.simulator.port));
  while (!(await list()).includes("new-model")) await new Promise((resolve) => setImmediate(resolve));
  assert.doesNotMatch(alone.stderr(), /restart/);
  assert.equal(await alone.stop(), 0);
});
