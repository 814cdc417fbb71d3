/** HTTP/3 through a real Envoy, asked by a client of another make. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { route } from "../conformance/configs.ts";
import { installHttp3Client } from "../install-http3-client.ts";
import { faultsConfig, startEnvoyGateway } from "./envoy-tools.ts";
import type { GatewayWithSimulator, LogLine } from "./start-gateway.ts";

const SCRIPT = new URL("http3_client.py", import.meta.url).pathname;
const CA = new URL("../../testdata/tls/ca.pem", import.meta.url).pathname;
const SAID = "This is a simulated answer; no model was asked. You said: hello";
const UNREACHABLE = `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: unreachable }] }]
      backendRefs: [{ name: nobody }]`;

function file(name: string): string {
  return readFileSync(new URL(`../../testdata/tls/${name}`, import.meta.url), "utf8");
}

const CONFIG = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gateway, namespace: default }
spec:
  gatewayClassName: aigw
  listeners:
    - { name: http, port: 10080, protocol: HTTP }
    - name: https
      port: 10443
      protocol: HTTPS
      tls: { certificateRefs: [{ name: certificate }] }
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: { name: http3, namespace: default }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: gateway }]
  http3: {}
  connection: { bufferLimit: 18Mi }
---
apiVersion: v1
kind: Secret
metadata: { name: certificate, namespace: default }
type: kubernetes.io/tls
stringData: ${JSON.stringify({ "tls.crt": file("server.pem"), "tls.key": file("server.key") })}
${route("unreachable", UNREACHABLE)}
${faultsConfig()}`;

/** What the script saw of an answer. */
interface Seen {
  readonly status: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Pieces in which it came. */
  readonly chunks: number;
}

let gateway: GatewayWithSimulator;
let port = 0;
let seen: Readonly<Record<string, Seen>>;
before(async () => {
  const python = await installHttp3Client();
  gateway = await startEnvoyGateway(CONFIG, 2);
  const { listeners } = (await (await fetch(`${gateway.adminUrl}/status`)).json()) as {
    listeners: { name: string; port: number }[];
  };
  port = listeners.find(({ name }) => name === "https")?.port ?? assert.fail("no HTTPS listener");
  const { stdout } = await promisify(execFile)(python, [SCRIPT, CA, String(port)], { timeout: 30_000 });
  seen = JSON.parse(stdout);
});
after(async () => {
  assert.equal(await gateway.stop(), 0);
});

function answer(name: string): Seen {
  return seen[name] ?? assert.fail(`${name} was not asked`);
}

function logged(id: string): Promise<LogLine> {
  return gateway.log((line) => line["request_id"] === id);
}

test("a whole answer comes over HTTP/3, and tells of it", async () => {
  const { status, headers, text } = answer("unary");
  assert.deepEqual([status, headers["content-type"]], ["200", "application/json"]);
  assert.equal(JSON.parse(text).choices[0].message.content, SAID);
  assert.equal(headers["alt-svc"], `h3=":${port}"; ma=86400`);
  assert.partialDeepStrictEqual(await logged("h3-unary"), { outcome: "ok", "gen_ai.usage.total_tokens": 18 });
});

test("a stream comes over HTTP/3 as it is sent", async () => {
  const { status, headers, text, chunks } = answer("streamed");
  assert.equal(status, "200");
  assert.match(headers["content-type"] ?? "", /^text\/event-stream/);
  assert.match(text, /^data: \{[\s\S]+\n\ndata: \[DONE\]\n\n$/);
  assert.ok(chunks > 2, `${chunks} pieces`);
  assert.partialDeepStrictEqual(await logged("h3-stream"), { outcome: "ok", stream: true });
});

test("an attempt that fails is followed by another over HTTP/3", async () => {
  assert.equal(answer("retried").status, "200");
  assert.partialDeepStrictEqual(await logged("h3-retried"), { outcome: "ok", attempts: 2 });
});

test("the models are listed over HTTP/3", () => {
  const { status, text } = answer("models");
  assert.equal(status, "200");
  assert.ok(JSON.parse(text).data.some(({ id }: { id: string }) => id === "one"));
});

const ERRORS: readonly { name: string; id: string; status: string; type: string }[] = [
  { name: "unknown model", id: "h3-unknown", status: "404", type: "model_not_found" },
  { name: "unreachable", id: "h3-unreachable", status: "503", type: "upstream_unavailable" },
  { name: "too large", id: "h3-too-large", status: "413", type: "body_too_large" },
];

for (const { name, id, status, type } of ERRORS) {
  test(`an error comes over HTTP/3 in the caller's dialect: ${name}`, async () => {
    const seen = answer(name);
    assert.deepEqual([seen.status, seen.headers["content-type"]], [status, "application/json"]);
    assert.equal(JSON.parse(seen.text).error.code, status);
    assert.partialDeepStrictEqual(await logged(id), { outcome: "error", "error.type": type });
  });
}

test("a prompt larger than any window of HTTP/3 is taken", async () => {
  assert.equal(answer("large").status, "200");
  assert.partialDeepStrictEqual(await logged("h3-large"), { outcome: "ok" });
});

test("a caller over HTTP/3 that wants no more of a stream has left, and its connection goes on", async () => {
  const line = { outcome: "cancelled", "error.type": "client_closed", status: 200, usage_estimated: true };
  assert.partialDeepStrictEqual(await logged("h3-left"), line);
  assert.equal(answer("after leaving").status, "200");
});

test("a caller that closes its HTTP/3 connection in a stream has left", async () => {
  assert.partialDeepStrictEqual(await logged("h3-closed"), { outcome: "cancelled", "error.type": "client_closed" });
});

test("answers over HTTP/1.1 tell of HTTP/3", async () => {
  const headers = await new Promise((resolve, reject) => {
    const asked = request({ port, path: "/v1/models", servername: "localhost", ca: readFileSync(CA) });
    asked.on("response", (response) => resolve(response.resume().headers)).on("error", reject);
    asked.end();
  });
  assert.partialDeepStrictEqual(headers, { "alt-svc": `h3=":${port}"; ma=86400` });
});

test("answers over HTTP/2 tell of HTTP/3", async () => {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: readFileSync(CA), servername: "localhost" });
  try {
    const asked = session.request({ ":path": "/v1/models" });
    const [headers] = await once(asked, "response");
    asked.resume();
    assert.partialDeepStrictEqual(headers, { ":status": 200, "alt-svc": `h3=":${port}"; ma=86400` });
  } finally {
    session.destroy();
  }
});
