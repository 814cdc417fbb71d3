import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { mock, type TestContext, test } from "node:test";
import type { Caller, CallerHandler } from "../caller.ts";
import { Http1Connection } from "./connection.ts";
import { Http1Server } from "./server.ts";

/** Answers with the length and the last byte of the body. */
class Summary implements CallerHandler {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  onBody(body: Buffer): void {
    this.#caller.reply(200, [], Buffer.from(`${body.length} ${body.at(-1)};`));
  }

  onBodyError(): void {}
  onBlocked(): void {}
  onDrained(): void {}
  onClose(): void {}
}

interface Scene {
  readonly http1: Http1Server;
  readonly server: Server;
  nowMs: number;
  call(): Promise<Socket>;
}

async function scene(t: TestContext): Promise<Scene> {
  const http1 = new Http1Server({
    bodyBytesMax: () => 10_000_000,
    serve: (caller) => {
      caller.serve(new Summary(caller));
      caller.readBody();
    },
    refuse: () => Buffer.from("refused"),
    nowMs: () => here.nowMs,
  });
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.once("readable", () => http1.accept(socket, socket.read()));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    http1.destroy();
  });
  const call = async (): Promise<Socket> => {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    t.after(() => socket.destroy());
    await once(socket, "connect");
    return socket;
  };
  const here: Scene = { http1, server, nowMs: 0, call };
  return here;
}

function post(length: number): Buffer {
  const head = Buffer.from(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`);
  return Buffer.concat([head, Buffer.alloc(length, "x")]);
}

/** Reads until the text ends as wanted. */
async function until(socket: Socket, end: string): Promise<string> {
  let text = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (text.endsWith(end)) break;
  }
  return text;
}

test("requests of all sizes are served on one connection, big bodies read straight into their memory", async (t) => {
  const { call } = await scene(t);
  const straight = mock.method(Http1Connection.prototype, "readInto");
  t.after(() => straight.mock.restore());
  const socket = await call();
  for (const size of [0, 10, 65_536, 220_000, 3_000_000, 5]) {
    socket.write(post(size));
    assert.match(await until(socket, ";"), new RegExp(`\\r\\n\\r\\n${size} ${size === 0 ? undefined : 120};$`));
  }
  // Would be 0 if Node stopped to offer what read-from.ts takes.
  assert.ok(straight.mock.callCount() > 0);
});

test("a closed server ends idle connections at once and others after their answer", async (t) => {
  const { http1, call } = await scene(t);
  const [idle, busy] = [await call(), await call()];
  idle.write(post(1));
  await until(idle, ";");
  busy.write(post(10).subarray(0, -1));
  while (http1.size < 2) await new Promise((resolve) => setImmediate(resolve));
  http1.close();
  await once(idle.resume(), "close");
  busy.write("x");
  assert.match(await until(busy, ";"), /\r\nconnection: close\r\n\r\n10 120;$/);
  await once(busy.resume(), "close");
});

test("every connection that ends is forgotten, here and by the listening server", async (t) => {
  const { http1, server, call } = await scene(t);
  const sockets = [await call(), await call(), await call()];
  for (const socket of sockets) {
    socket.write(post(1));
    await until(socket, ";");
  }
  sockets[1]?.destroy();
  sockets[0]?.end();
  while (http1.size > 1) await new Promise((resolve) => setImmediate(resolve));
  http1.destroy();
  server.close();
  await once(server, "close");
  assert.equal(http1.size, 0);
});

test("slow heads and idle connections are found by one sweep on the injected clock", async (t) => {
  const at = await scene(t);
  const [slow, idle] = [await at.call(), await at.call()];
  slow.write("POST / HT");
  idle.write(post(1));
  await until(idle, ";");
  while (at.http1.size < 2) await new Promise((resolve) => setImmediate(resolve));
  at.http1.sweep();
  at.nowMs = 11_000;
  at.http1.sweep();
  assert.equal(await until(slow, "refused"), "refused");
  assert.equal(at.http1.size, 2);
  at.nowMs = 76_000;
  at.http1.sweep();
  await once(idle.resume(), "close");
});
