/** Marked secrets go through every kind of request at level debug; nothing the gateway says may hold one. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CHAT, MESSAGES } from "../conformance/configs.ts";
import { startForClients } from "./client-config.ts";
import type { GatewayWithSimulator } from "./start-gateway.ts";

/** What must not be seen anywhere but upstream: the configured keys, the caller's own, a prompt, a query. */
const MARKS = ["sk-upstream", "sk-ant-upstream", "canary-caller", "canary-prompt", "canary-query", "canary-cookie"];

const REQUESTS = [
  { name: "an answer", path: CHAT, model: "gpt-4o" },
  { name: "a stream", path: CHAT, model: "gpt-4o", more: { stream: true } },
  { name: "a message", path: MESSAGES, model: "claude-x", more: { max_tokens: 9 } },
  { name: "an unknown model", path: CHAT, model: "nobody" },
  { name: "an unknown path", path: "/v1/nothing", model: "gpt-4o" },
  { name: "a refused key", path: CHAT, model: "gpt-4o", simulate: "status=401" },
  { name: "a broken answer", path: CHAT, model: "gpt-4o", simulate: "fault=html" },
  { name: "a broken stream", path: CHAT, model: "gpt-4o", simulate: "fault=reset-mid-stream", more: { stream: true } },
  { name: "a lost connection", path: CHAT, model: "gpt-4o", simulate: "fault=reset-before-headers" },
];

let gateway: GatewayWithSimulator;
before(async () => {
  gateway = await startForClients({ args: ["--debug"] });
});
after(() => gateway.stop());

test("no output holds a credential, a prompt or a query", async () => {
  const said: string[] = [];
  for (const [n, { path, model, simulate, more }] of REQUESTS.entries()) {
    const response = await fetch(`${gateway.url}${path}?key=canary-query`, {
      method: "POST",
      headers: {
        authorization: "Bearer canary-caller",
        "x-api-key": "canary-caller",
        "api-key": "canary-caller",
        cookie: "session=canary-cookie",
        "x-request-id": `secret-${n}`,
        ...(simulate !== undefined && { "x-simulate": simulate }),
      },
      body: JSON.stringify({ model, messages: [{ role: "user", content: "canary-prompt" }], ...more }),
    });
    // The simulated provider repeats the prompt, and the caller of an unknown path its own target.
    said.push(
      response.ok || path === "/v1/nothing" ? "" : await response.text(),
      JSON.stringify([...response.headers]),
    );
    await gateway.log((line) => line["request_id"] === `secret-${n}`);
  }
  for (const path of ["/metrics", "/status", "/"]) said.push(await (await fetch(gateway.adminUrl + path)).text());
  said.push(JSON.stringify(gateway.logs()), gateway.stderr());
  const all = said.join("\n");
  assert.deepEqual(
    MARKS.filter((mark) => all.includes(mark) || all.includes(Buffer.from(mark).toString("base64"))),
    [],
  );
});

test("the debug log tells the phases of a request", () => {
  for (const phase of ["request", "attempt", "answer"])
    assert.match(gateway.stderr(), new RegExp(`\\b${phase}\\b.*secret-0`));
});

test("the configured keys did reach the provider, and the caller's did not", () => {
  const sent = JSON.stringify(gateway.simulator.requests.map(({ headers, path }) => ({ headers, path })));
  assert.match(sent, /Bearer sk-upstream/);
  assert.match(sent, /sk-ant-upstream/);
  assert.doesNotMatch(sent, /canary-/);
});
