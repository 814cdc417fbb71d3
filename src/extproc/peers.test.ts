import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { invariant } from "../errors/invariant.ts";
import { GRPC_STATUS, type GrpcHandler, type GrpcStream } from "../grpc/grpc.ts";
import { createGrpcServer, type GrpcServer } from "../grpc/server.ts";
import { ALONE, Peers } from "./peers.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "peers-"));
after(() => rmSync(FOLDER, { recursive: true }));

const METHOD = "/test.Test/Call";

/** A call as the server of this process would hand it over. */
class Call implements GrpcStream {
  readonly headers = new Map([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", METHOD],
    [":authority", "processor"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ["x-aigw-role", "upstream"],
  ]);
  readonly sent: string[] = [];
  readonly #ended = Promise.withResolvers<number>();
  readonly #waiting: (() => void)[] = [];

  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  send(message: Uint8Array): void {
    this.sent.push(Buffer.from(message).toString());
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  end(status: number): void {
    this.#ended.resolve(status);
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** The peer's side of a call: does what a message says. */
class Peer implements GrpcHandler {
  readonly stream: GrpcStream;
  readonly closed = Promise.withResolvers<void>();

  constructor(stream: GrpcStream) {
    this.stream = stream;
  }

  onMessage(message: Uint8Array): void {
    const text = Buffer.from(message).toString();
    if (text === "throw") throw new Error("on purpose");
    if (text === "role") this.stream.send(Buffer.from(this.stream.headers.get("x-aigw-role") ?? ""));
    else if (text === "twice") for (const answer of ["one", "two"]) this.stream.send(Buffer.from(answer));
    else this.stream.send(Buffer.from(text === "silent" ? "" : text));
  }

  onEnd(): void {
    this.stream.end(GRPC_STATUS.ok);
  }

  onClose(): void {
    this.closed.resolve();
  }
}

class Server {
  readonly path: string;
  readonly calls: Peer[] = [];
  readonly #server: GrpcServer;

  constructor(name: string) {
    this.path = join(FOLDER, name);
    const open = (stream: GrpcStream) => {
      const peer = new Peer(stream);
      this.calls.push(peer);
      return peer;
    };
    this.#server = createGrpcServer(new Map([[METHOD, open]]), { onError: () => undefined });
  }

  get connections(): number {
    return this.#server.connections;
  }

  async listen(): Promise<this> {
    await this.#server.listen({ path: this.path });
    return this;
  }

  /** Takes no more calls, and lets those under way end. */
  drain(): Promise<void> {
    return this.#server.close(60_000);
  }

  /** Ends at once, with all its connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close(0);
  }
}

function peersAt(path: string): Peers & Disposable {
  const peers = new Peers({ self: 0, socketOf: (process) => (process === 1 ? path : undefined) });
  return Object.assign(peers, { [Symbol.dispose]: () => peers.close() });
}

function forwarded(peers: Peers, call: Call): GrpcHandler {
  const handler = peers.forward(1, call);
  invariant(handler, "there is such a process");
  return handler;
}

test("a process that serves alone has no peers", () => {
  const peers = new Peers(ALONE);
  assert.equal(peers.self, 0);
  for (const process of [0, 1, -1, Number.NaN]) assert.equal(peers.forward(process, new Call()), undefined);
});

test("messages go to the peer and back with the call's headers, and its end with its status", async () => {
  await using server = await new Server("both").listen();
  using peers = peersAt(server.path);
  const call = new Call();
  const handler = forwarded(peers, call);
  for (const [message, answers] of [
    ["role", ["upstream"]],
    ["hello", ["hello"]],
    ["silent", [""]],
  ] as const) {
    const answered = call.next();
    handler.onMessage(Buffer.from(message));
    await answered;
    assert.deepEqual(call.sent.splice(0), answers);
  }
  handler.onMessage(Buffer.from("twice"));
  handler.onEnd();
  assert.equal(await call.ended, GRPC_STATUS.ok);
  assert.deepEqual(call.sent, ["one", "two"]);
});

test("a message larger than any frame and window is passed on whole, though its memory is written over", async () => {
  await using server = await new Server("large").listen();
  using peers = peersAt(server.path);
  const call = new Call();
  const memory = Buffer.alloc(3 << 20, "abc");
  const large = memory.toString();
  const handler = forwarded(peers, call);
  const answered = call.next();
  handler.onMessage(memory);
  memory.fill(0);
  await answered;
  assert.ok(call.sent[0] === large);
});

test("calls to one peer share a connection", async () => {
  await using server = await new Server("shared").listen();
  using peers = peersAt(server.path);
  const calls = [new Call(), new Call(), new Call()];
  await Promise.all(
    calls.map(async (call, index) => {
      const answered = call.next();
      forwarded(peers, call).onMessage(Buffer.from(String(index)));
      await answered;
      assert.deepEqual(call.sent, [String(index)]);
    }),
  );
  assert.equal(server.connections, 1);
});

test("a call that Envoy gives up is given up at the peer", async () => {
  await using server = await new Server("given-up").listen();
  using peers = peersAt(server.path);
  const call = new Call();
  const handler = forwarded(peers, call);
  const answered = call.next();
  handler.onMessage(Buffer.from("hello"));
  await answered;
  handler.onClose();
  await server.calls[0]?.closed.promise;
});

test("what fails at the peer fails here: Envoy must never go on as if it had been told to", async () => {
  await using server = await new Server("fails").listen();
  using peers = peersAt(server.path);
  const [atOnce, later] = [new Call(), new Call()];
  forwarded(peers, atOnce).onMessage(Buffer.from("throw"));
  assert.equal(await atOnce.ended, GRPC_STATUS.internal);
  const handler = forwarded(peers, later);
  const answered = later.next();
  handler.onMessage(Buffer.from("hello"));
  await answered;
  handler.onMessage(Buffer.from("throw"));
  assert.equal(await later.ended, GRPC_STATUS.internal);
});

test("a peer that nobody listens for is unavailable", async () => {
  using peers = peersAt(join(FOLDER, "nobody"));
  const call = new Call();
  forwarded(peers, call).onMessage(Buffer.from("hello"));
  assert.equal(await call.ended, GRPC_STATUS.unavailable);
});

test("a peer that goes away during a call is unavailable", async () => {
  const server = await new Server("goes").listen();
  using peers = peersAt(server.path);
  const call = new Call();
  const answered = call.next();
  forwarded(peers, call).onMessage(Buffer.from("hello"));
  await answered;
  await server[Symbol.asyncDispose]();
  assert.equal(await call.ended, GRPC_STATUS.unavailable);
});

test("a peer that dies before it says anything is unavailable", async (t) => {
  const path = join(FOLDER, "dies");
  const listening = createServer((socket: Socket) => socket.once("data", () => socket.destroy())).listen(path);
  t.after(() => listening.close());
  await once(listening, "listening");
  using peers = peersAt(path);
  const call = new Call();
  forwarded(peers, call).onMessage(Buffer.from("hello"));
  assert.equal(await call.ended, GRPC_STATUS.unavailable);
});

test("while a peer drains, its calls go on, and new ones go to the peer that takes its place", async () => {
  const first = await new Server("drains").listen();
  using peers = peersAt(first.path);
  const old = new Call();
  const handler = forwarded(peers, old);
  const begun = old.next();
  handler.onMessage(Buffer.from("begun"));
  await begun;
  const drained = first.drain();
  await using second = await new Server("drains").listen();
  const answered = old.next();
  handler.onMessage(Buffer.from("still there"));
  await answered;
  const call = new Call();
  const taken = call.next();
  forwarded(peers, call).onMessage(Buffer.from("hello"));
  await taken;
  assert.equal(second.calls.length, 1);
  handler.onEnd();
  assert.equal(await old.ended, GRPC_STATUS.ok);
  await drained;
});

test("the peer that takes a place is connected to anew", async () => {
  const first = await new Server("again").listen();
  using peers = peersAt(first.path);
  const lost = new Call();
  forwarded(peers, lost).onMessage(Buffer.from("hello"));
  await lost.next();
  await first[Symbol.asyncDispose]();
  await lost.ended;
  await using second = await new Server("again").listen();
  const call = new Call();
  const answered = call.next();
  forwarded(peers, call).onMessage(Buffer.from("hello again"));
  await answered;
  assert.deepEqual(call.sent, ["hello again"]);
  assert.equal(second.calls.length, 1);
});
