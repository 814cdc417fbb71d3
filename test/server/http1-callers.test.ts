/** HTTP/1.1 callers of the embedded host on sockets of their own: pipelining, slow reading, leaving, TLS, big bodies. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { backend, CHAT, chat, route, upstream } from "../conformance/configs.ts";
import { type GatewayWithSimulator, startWithSimulator } from "./start-gateway.ts";

const RULE = `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: gpt-4o }] }]
      backendRefs: [{ name: openai }]`;

function file(name: string): string {
  return readFileSync(new URL(`../../testdata/tls/${name}`, import.meta.url), "utf8");
}

function config(simulatorPort: number): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gateway, namespace: default }
spec:
  gatewayClassName: aigw
  listeners:
    - { name: http, port: 10080, protocol: HTTP }
    - { name: https, port: 10443, protocol: HTTPS, tls: { certificateRefs: [{ name: certificate }] } }
---
apiVersion: v1
kind: Secret
metadata: { name: certificate, namespace: default }
type: kubernetes.io/tls
stringData: ${JSON.stringify({ "tls.crt": file("server.pem"), "tls.key": file("server.key") })}
${route("main", RULE)}
${backend("openai", "{ name: OpenAI }")}
${upstream(String(simulatorPort))}`;
}

const HEAD_END = "\r\n\r\n";
const LAST_CHUNK = Buffer.from("\r\n0\r\n\r\n");

let gateway: GatewayWithSimulator;
const ports = new Map<string, number>();
before(async () => {
  gateway = await startWithSimulator(config);
  const status = (await (await fetch(`${gateway.adminUrl}/status`)).json()) as {
    listeners: { name: string; port: number }[];
  };
  for (const { name, port } of status.listeners) ports.set(name, port);
});
after(async () => {
  assert.equal(await gateway.stop(), 0);
});

/** A connection, in clear text or TLS. */
async function open(listener: "http" | "https"): Promise<Socket> {
  const port = ports.get(listener) ?? 0;
  const socket =
    listener === "http" ? connect(port, "127.0.0.1") : connectTls({ port, host: "127.0.0.1", ca: file("ca.pem") });
  await once(socket, listener === "http" ? "connect" : "secureConnect");
  return socket;
}

function post(id: string, body: object, more = "", path = CHAT): string {
  const text = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nhost: a\r\nx-request-id: ${id}\r\ncontent-length: ${text.length}\r\n${more}\r\n${text}`;
}

/** Reads the answers of a connection one after the other. */
class Answers {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#chunks = socket.iterator({ destroyOnReturn: false });
  }

  /** The next answer, which says its length, or comes in chunks with nothing behind it. */
  async next(): Promise<string> {
    let bytes = this.#rest;
    while (!bytes.includes(HEAD_END)) bytes = Buffer.concat([bytes, await this.#read()]);
    const head = bytes.indexOf(HEAD_END) + HEAD_END.length;
    const length = /\r\ncontent-length: (\d+)\r\n/.exec(bytes.toString("latin1", 0, head))?.[1];
    const pieces = [bytes];
    let size = bytes.length;
    let tail = bytes.subarray(-LAST_CHUNK.length);
    const isWhole = () => (length === undefined ? tail.equals(LAST_CHUNK) : size >= head + Number(length));
    while (!isWhole()) {
      const piece = await this.#read();
      pieces.push(piece);
      size += piece.length;
      tail = Buffer.concat([tail, piece]).subarray(-LAST_CHUNK.length);
    }
    const all = Buffer.concat(pieces);
    const end = length === undefined ? size : head + Number(length);
    this.#rest = all.subarray(end);
    return all.toString("latin1", 0, end);
  }

  async #read(): Promise<Buffer> {
    const { value, done } = await this.#chunks.next();
    if (done) throw new Error("the connection ended within an answer");
    return value;
  }
}

test("pipelined requests are answered in their order, whatever each of them takes", async () => {
  const socket = await open("http");
  const delays = [30, 0, 15, 0, 5];
  const ask = (ms: number, n: number): string => {
    const body = { model: "gpt-4o", messages: [{ role: "user", content: `number ${n}` }] };
    return post(`pipelined-${n}`, body, `x-simulate: delay-ms=${ms}\r\n`);
  };
  socket.write(delays.map(ask).join(""));
  const answers = new Answers(socket);
  for (let n = 0; n < delays.length; n++) assert.match(await answers.next(), new RegExp(`You said: number ${n}`));
  socket.destroy();
});

for (const listener of ["http", "https"] as const) {
  test(`one ${listener} connection carries big and small requests and answers, whole and streamed`, async () => {
    const socket = await open(listener);
    const answers = new Answers(socket);
    const big = chat("gpt-4o", { padding: "x".repeat(1_500_000) });
    const vectors = { model: "gpt-4o", input: new Array(300).fill("x"), dimensions: 2048 };
    for (let turn = 0; turn < 2; turn++) {
      const id = `${listener}-${turn}`;
      socket.write(post(id, big));
      assert.match(await answers.next(), /^HTTP\/1\.1 200 [\s\S]*"chat\.completion"/);
      const asked = gateway.simulator.requests.find(({ headers }) => headers["x-request-id"] === id);
      assert.equal(asked?.body.toString(), JSON.stringify(big));
      socket.write(post(`${id}-vectors`, vectors, "", "/v1/embeddings"));
      assert.match((await answers.next()).slice(-100), /"total_tokens": 75\n {2}\}\n\}\n$/);
      socket.write(post(`${id}-stream`, chat("gpt-4o", { stream: true }), "x-simulate: chunks=300\r\n"));
      assert.match((await answers.next()).slice(-100), /data: \[DONE\]\n\n\r\n0\r\n\r\n$/);
    }
    socket.destroy();
  });

  test(`an ${listener} caller that reads nothing for a while holds its stream back, and gets all of it`, async () => {
    const socket = await open(listener);
    socket.pause();
    socket.write(post(`slow-${listener}`, chat("gpt-4o", { stream: true }), "x-simulate: chunks=20000\r\n"));
    // Others are served meanwhile.
    const other = await open(listener);
    const others = new Answers(other);
    for (let n = 0; n < 50; n++) {
      other.write(post(`beside-${listener}-${n}`, chat("gpt-4o")));
      assert.match(await others.next(), /^HTTP\/1\.1 200 /);
    }
    other.destroy();
    const text = await new Answers(socket).next();
    assert.equal(text.match(/"delta": ?\{"content":/g)?.length, 20_000);
    assert.match(text.slice(-100), /data: \[DONE\]\n\n\r\n0\r\n\r\n$/);
    socket.destroy();
  });
}

test("a caller who closes its side while it waits has left, and its provider is hung up on", async () => {
  const socket = await open("http");
  socket.end(post("half-closed", chat("gpt-4o"), "x-simulate: delay-ms=5000\r\n"));
  const line = await gateway.log((entry) => entry["request_id"] === "half-closed");
  assert.deepEqual([line["outcome"], line["status"]], ["cancelled", 499]);
  socket.destroy();
});

test("a refused upload is answered before the connection closes, though the caller is still sending", async () => {
  const socket = await open("http");
  socket.on("error", () => undefined);
  socket.write(`POST ${CHAT} HTTP/1.1\r\nhost: a\r\nx-request-id: huge\r\ncontent-length: 900000000\r\n\r\n`);
  socket.write(Buffer.alloc(3_000_000));
  assert.match(await new Answers(socket).next(), /^HTTP\/1\.1 413 [\s\S]*\r\nconnection: close\r\n/);
  socket.destroy();
});
