/** HTTPS at the gateway's own door: HTTP/1.1 and HTTP/2 over TLS, and certificates that change by reload. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { after, before, test } from "node:test";
import { connect, type PeerCertificate } from "node:tls";
import { backend, CHAT, chat, route, upstream } from "../conformance/configs.ts";
import { type GatewayWithSimulator, startWithSimulator } from "./start-gateway.ts";

const CA = file("ca.pem");
const RULE = `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: gpt-4o }] }]
      backendRefs: [{ name: openai }]`;

function file(name: string): string {
  return readFileSync(new URL(`../../testdata/tls/${name}`, import.meta.url), "utf8");
}

function config(simulatorPort: number, certificate: string): string {
  return `apiVersion: gateway.networking.k8s.io/v1
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
apiVersion: v1
kind: Secret
metadata: { name: certificate, namespace: default }
type: kubernetes.io/tls
stringData: ${JSON.stringify({ "tls.crt": file(certificate), "tls.key": file("server.key") })}
${route("main", RULE)}
${backend("openai", "{ name: OpenAI }")}
${upstream(String(simulatorPort))}`;
}

let gateway: GatewayWithSimulator;
let port = 0;
before(async () => {
  gateway = await startWithSimulator((simulatorPort) => config(simulatorPort, "server.pem"));
  const status = (await (await fetch(`${gateway.adminUrl}/status`)).json()) as {
    listeners: { name: string; port: number }[];
  };
  port = status.listeners.find(({ name }) => name === "https")?.port ?? 0;
});
after(async () => {
  assert.equal(await gateway.stop(), 0);
});

const BODY = JSON.stringify(chat("gpt-4o"));
const STREAM = JSON.stringify(chat("gpt-4o", { stream: true }));

function askHttp1(body: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path: CHAT, method: "POST", ca: CA }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode, text }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function askHttp2(body: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: CA });
    session.on("error", reject);
    const stream = session.request({ ":method": "POST", ":path": CHAT });
    let status: number | undefined;
    let text = "";
    stream.on("response", (headers) => {
      status = headers[":status"];
    });
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    stream.on("error", reject);
    stream.on("end", () => {
      session.close();
      resolve({ status, text });
    });
    stream.end(body);
  });
}

for (const [name, ask] of [
  ["HTTP/1.1", askHttp1],
  ["HTTP/2", askHttp2],
] as const) {
  test(`${name} over TLS: a whole answer, and a stream`, async () => {
    const whole = await ask(BODY);
    assert.equal(whole.status, 200);
    assert.match(whole.text, /"chat\.completion"/);
    assert.match((await ask(STREAM)).text, /data: \[DONE\]\n\n$/);
  });
}

test("clear text on the port of TLS is not answered, and the gateway goes on", async () => {
  await assert.rejects(fetch(`http://127.0.0.1:${port}/v1/models`));
  assert.equal((await askHttp1(BODY)).status, 200);
});

/** The names in the certificate that a new connection is shown. */
function presented(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, ca: CA, checkServerIdentity: () => undefined });
    socket.on("error", reject);
    socket.on("secureConnect", () => {
      const { subjectaltname = "" }: PeerCertificate = socket.getPeerCertificate();
      socket.destroy();
      resolve(subjectaltname);
    });
  });
}

test("a renewed certificate is presented after a reload, without a restart", async () => {
  assert.match(await presented(), /localhost/);
  await gateway.configure(config(gateway.simulator.port, "other-name.pem"));
  while (!(await presented()).includes("elsewhere.test")) await new Promise((resolve) => setImmediate(resolve));
  assert.doesNotMatch(gateway.stderr(), /PRIVATE KEY/);
});
