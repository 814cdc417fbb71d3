/** A provider that points elsewhere: nobody goes there, and the caller is not told where. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { apiKey, backend, route, upstream } from "../conformance/configs.ts";
import { installEnvoy } from "../install-envoy.ts";
import { ask } from "./envoy-tools.ts";
import { type Gateway, startGateway } from "./start-gateway.ts";

const KEY = "sk-redirect-canary";
const STATUSES = [300, 301, 302, 303, 304, 305, 307, 308];
const LOCATIONS = [
  "http://127.0.0.1:SENTINEL/",
  "//127.0.0.1:SENTINEL/v1/chat/completions",
  "http://user:password@127.0.0.1:SENTINEL/",
  "/v1/elsewhere",
  "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
];

const RULES = `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: one }] }]
      backendRefs: [{ name: openai }]
    - matches: [{ headers: [{ name: x-ai-eg-model, value: retried }] }]
      backendRefs: [{ name: openai }, { name: openai-too, priority: 1 }]`;

function config(port: number): string {
  return `${route("main", RULES)}
${backend("openai", "{ name: OpenAI }")}
${backend("openai-too", "{ name: OpenAI }")}
${upstream(String(port))}
${apiKey("openai", KEY, { type: "APIKey", field: "apiKey" })}
${apiKey("openai-too", KEY, { type: "APIKey", field: "apiKey" })}`;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const HOSTS = [
  { host: "embedded", args: async () => [] },
  { host: "Envoy", args: async () => ["--host", "envoy", "--envoy", await installEnvoy()] },
];

for (const { host, args } of HOSTS) {
  describe(`${host} host`, () => {
    let gateway: Gateway;
    let connections = 0;
    let sentinelPort = 0;
    const asked: string[] = [];
    const sentinel = createServer();
    sentinel.on("connection", () => {
      connections += 1;
    });
    /** Redirects as the caller's headers tell it, and repeats what it was sent. */
    const provider = createServer((request, response) => {
      asked.push(request.url ?? "");
      const { "x-status": status, "x-location": location, authorization } = request.headers;
      response.writeHead(Number(status), {
        location: `${location}?key=${String(authorization)}`,
        refresh: `0; url=${location}`,
        "x-echo": String(authorization),
      });
      response.end(Number(status) === 304 ? undefined : `see ${location} with ${String(authorization)}`);
    });
    before(async () => {
      sentinelPort = await listen(sentinel);
      gateway = await startGateway(config(await listen(provider)), { args: await args() });
    });
    after(async () => {
      for (const server of [provider, sentinel]) {
        server.close();
        server.closeAllConnections();
      }
      assert.equal(await gateway.stop(), 0);
    });

    for (const model of ["one", "retried"]) {
      test(`no redirect is followed or relayed, and no key is in the answer: ${model}`, async () => {
        for (const status of STATUSES) {
          for (const [n, pattern] of LOCATIONS.entries()) {
            const location = pattern.replace("SENTINEL", String(sentinelPort));
            const headers = { "x-status": String(status), "x-location": location };
            const more = { stream: n % 2 === 1 };
            const response = await ask(gateway.url, { id: `${model}-${status}-${n}`, model, more, headers });
            assert.equal(response.status, 502);
            assert.doesNotMatch(response.text, new RegExp(`${KEY}|127\\.0\\.0\\.1|169\\.254|password|elsewhere`));
            assert.partialDeepStrictEqual(JSON.parse(response.text), { type: "error" });
          }
        }
        assert.deepEqual(new Set(asked), new Set(["/v1/chat/completions"]));
        assert.equal(connections, 0);
      });
    }

    test("no header of a redirect reaches the caller", async () => {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: "POST",
        redirect: "manual",
        headers: { "x-status": "307", "x-location": `http://127.0.0.1:${sentinelPort}/` },
        body: JSON.stringify({ model: "one", messages: [] }),
      });
      assert.equal(response.status, 502);
      const told = JSON.stringify([...response.headers]);
      assert.doesNotMatch(told, new RegExp(`${KEY}|location|refresh|x-echo`));
      assert.equal(connections, 0);
    });
  });
}
