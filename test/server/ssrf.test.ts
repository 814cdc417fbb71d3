/** Nothing in a request says where the gateway connects to. A sentinel stands wherever a request points; nobody may come. */
import assert from "node:assert/strict";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { ENDPOINTS } from "../../src/endpoints/registry.ts";
import { backend, route } from "../conformance/configs.ts";
import { installEnvoy } from "../install-envoy.ts";
import { type GatewayWithSimulator, startWithSimulator } from "./start-gateway.ts";

const HOSTS = [
  { host: "embedded", args: async () => [] },
  { host: "Envoy", args: async () => ["--host", "envoy", "--envoy", await installEnvoy()] },
];

/** Ways to write the sentinel's address. */
const SPELLINGS = ["127.0.0.1", "localhost.", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "user@127.0.0.1"];

/** Fields by which other gateways and clients let a request choose its provider, or what it fetches. */
function hostileBody(url: string, model: string): string {
  const fields = [
    "api_base",
    "base_url",
    "baseUrl",
    "endpoint",
    "host",
    "url",
    "proxy",
    "region",
    "provider",
    "custom_host",
  ];
  return JSON.stringify({
    model,
    ...Object.fromEntries(fields.map((field) => [field, url])),
    extra_body: { api_base: url },
    metadata: { api_base: url },
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "hello" },
          { type: "image_url", image_url: { url } },
        ],
      },
    ],
    tools: [{ type: "function", function: { name: "f", parameters: { $ref: url } } }],
    input: "hello",
    prompt: "hello",
    query: "hello",
    documents: ["a"],
    contents: [{ role: "user", parts: [{ text: "hello" }, { fileData: { fileUri: url, mimeType: "image/png" } }] }],
  });
}

function hostileHeaders(authority: string): Record<string, string> {
  const names = [
    "x-forwarded-host",
    "x-original-url",
    "x-rewrite-url",
    "x-host",
    "x-upstream",
    "x-base-url",
    "forwarded",
  ];
  const values = Object.fromEntries(names.map((name) => [name, `http://${authority}/`]));
  return {
    ...values,
    "x-envoy-original-dst-host": authority,
    "x-gateway-destination-endpoint": authority,
    host: authority,
  };
}

function config(port: number): string {
  const rule = (model: string, to: string) => `
    - matches: [{ headers: [{ type: RegularExpression, name: x-ai-eg-model, value: "${model}.*" }] }]
      backendRefs: [{ name: ${to} }]`;
  const schemas = {
    openai: "{ name: OpenAI }",
    azure: '{ name: AzureOpenAI, version: "1" }',
    bedrock: "{ name: AWSBedrock }",
    gemini: "{ name: GCPVertexAI }",
    cohere: "{ name: Cohere }",
  };
  const names = Object.keys(schemas);
  return `${route("main", names.map((name) => rule(name, name)).join(""))}
${Object.entries(schemas)
  .map(([name, schema]) => backend(name, schema))
  .join("\n")}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: { name: upstream, namespace: default }
spec:
  endpoints: [{ ip: { address: 127.0.0.1, port: ${port} } }]
`;
}

interface Sent {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** One request for each part of a request that could point to `authority`. */
function hostileRequests(path: string, model: string, authority: string): Sent[] {
  const hostile = `http://${authority}/v1`;
  const sent = { path, headers: { "content-type": "application/json" }, body: hostileBody(hostile, model) };
  return [
    sent,
    { ...sent, headers: hostileHeaders(authority) },
    { ...sent, path: `http://${authority}${path}` },
    { ...sent, path: `${path}?api_base=${hostile}&key=x` },
    { ...sent, body: hostileBody(hostile, `${model}@${authority}/../`) },
  ];
}

/** Sends a request whose target and host are exactly as they are given; its status. */
function send(url: string, { path, headers, body }: Sent): Promise<number> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method: "POST", headers }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

for (const { host, args } of HOSTS) {
  describe(`${host} host`, () => {
    let gateway: GatewayWithSimulator;
    let connections = 0;
    let port = 0;
    const sentinel = createServer((_request, response) => response.end());
    sentinel.on("connection", () => {
      connections += 1;
    });
    before(async () => {
      port = await listen(sentinel);
      gateway = await startWithSimulator(config, { args: await args() });
    });
    after(async () => {
      sentinel.close();
      assert.equal(await gateway.stop(), 0);
    });

    for (const { name, paths } of ENDPOINTS.filter(({ parse }) => parse !== undefined)) {
      test(`no request to ${name} leads anywhere but to its provider`, async () => {
        for (const model of ["openai", "azure", "bedrock", "gemini", "cohere"]) {
          const path = (paths[0] ?? "").replace("{model}", model);
          const all = SPELLINGS.flatMap((spelling) => hostileRequests(path, model, `${spelling}:${port}`));
          await Promise.all(all.map((sent) => send(gateway.url, sent)));
        }
        assert.equal(connections, 0);
      });
    }

    test("some of them did reach the provider", () => {
      assert.ok(gateway.simulator.requests.length > 0);
    });
  });
}
