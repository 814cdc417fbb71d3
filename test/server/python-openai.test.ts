/** The official OpenAI client for Python against a started gateway. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { installPythonClient } from "../install-python-client.ts";
import { startForClients } from "./client-config.ts";
import type { GatewayWithSimulator } from "./start-gateway.ts";

const SCRIPT = new URL("python_client.py", import.meta.url).pathname;
const SAID = "This is a simulated answer; no model was asked. You said: hello";

/** What the script must see, by the name of its check. */
const WANT = {
  unary: [SAID, 18],
  streamed: [SAID, 18],
  tools: ["tool_calls", "get_weather", { city: "simulated" }],
  embeddings: [2, 16],
  responses: [SAID, 16],
  models: true,
  "rate limit": ["RateLimitError", 429],
  unauthorized: ["AuthenticationError", 401],
  "unknown model": ["NotFoundError", 404],
  unreachable: ["InternalServerError", 503],
  "not JSON": ["InternalServerError", 502],
  "reset stream": "raised",
  "unfinished stream": "raised",
  "in-band error": "raised",
  aborted: "closed",
};

let gateway: GatewayWithSimulator;
let seen: Readonly<Record<string, unknown>>;
before(async () => {
  const python = await installPythonClient();
  gateway = await startForClients();
  const { stdout } = await promisify(execFile)(python, [SCRIPT, gateway.url], { timeout: 60_000 });
  seen = JSON.parse(stdout);
});
after(() => gateway.stop());

for (const [name, want] of Object.entries(WANT)) {
  test(`the Python client: ${name}`, () => {
    assert.deepEqual(seen[name], want);
  });
}

test("closing a stream in Python reaches the provider", async () => {
  const recorded = gateway.simulator.requests.find((request) => request.headers["x-request-id"] === "python-abort");
  await recorded?.ended;
  assert.equal(recorded?.aborted, true);
});
