import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import type { UpstreamTls } from "../../config/runtime-config.ts";
import { testTls } from "../../config/test-upstream-tls.ts";
import { GatewayError } from "../../errors/gateway-error.ts";
import { HeaderMap } from "../../wire/headers.ts";
import { createUpstreamClient } from "./client.ts";
import { type ClientLimits, DEFAULT_LIMITS } from "./limits.ts";
import { type H2Connection, type H2Script, listenH2 } from "./scripted-h2-peer.ts";
import { begin, exchange, post, Recorded, turns, upstreamOf } from "./scripted-peer.ts";
import type { UpstreamClient } from "./upstream.ts";

const CANCEL = 8;

function file(name: string): string {
  return readFileSync(new URL(`../../../testdata/tls/${name}`, import.meta.url), "utf8");
}

const TRUSTED = testTls({ ca: file("ca.pem") });

function clientOf(t: TestContext, port: number, tls?: UpstreamTls, limits: Partial<ClientLimits> = {}): UpstreamClient {
  const endpoint = { host: "127.0.0.1", port, unixPath: undefined, authority: "peer.test" };
  const client = createUpstreamClient(upstreamOf([endpoint], tls, "h2"), { ...DEFAULT_LIMITS, ...limits });
  t.after(() => client.close());
  return client;
}

/** A scripted peer and a client to it. */
async function scene(t: TestContext, script: H2Script, streamsMax?: number, limits?: Partial<ClientLimits>) {
  const peer = await listenH2(script, streamsMax);
  t.after(() => peer.stop());
  return { peer, client: clientOf(t, peer.port, undefined, limits) };
}

type Answer = (stream: ServerHttp2Stream, headers: Record<string, unknown>, body: Buffer) => void;

/** Node's own server, in clear text or with TLS. */
async function nodeServer(t: TestContext, answer: Answer, secure = false): Promise<number> {
  const options = { cert: file("server.pem"), key: file("server.key") };
  const server: Http2Server | Http2SecureServer = secure ? createSecureServer(options) : createServer();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => undefined);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => answer(stream, headers, Buffer.concat(chunks)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe("the HTTP/2 client", () => {
  for (const secure of [false, true]) {
    it(`sends request and body and reads the answer, ${secure ? "by ALPN over TLS" : "in clear text"}`, async (t) => {
      let seen: Record<string, unknown> = {};
      let received: Buffer = Buffer.alloc(0);
      const port = await nodeServer(
        t,
        (stream, headers, body) => {
          seen = { ...headers };
          received = body;
          stream.additionalHeaders({ ":status": 103 });
          stream.respond(
            { ":status": 201, "content-type": "text/plain", "x-many": ["a", "b"], trailer: "x" },
            { waitForTrailers: true },
          );
          stream.on("wantTrailers", () => stream.sendTrailers({ "x-trailer": "1" }));
          stream.write("first ");
          stream.end("second");
        },
        secure,
      );
      const client = clientOf(t, port, secure ? TRUSTED : undefined);
      const headers = new HeaderMap(["x-a", "1", "x-a", "2", "connection", "close", "host", "evil", "te", "gzip"]);
      const answer = await exchange(client, {
        method: "POST",
        path: "/v1/a?b=c",
        headers,
        body: Buffer.alloc(300_000, "z"),
      });
      const { ":method": method, ":path": path, ":authority": authority, ":scheme": scheme } = seen;
      assert.deepEqual(
        [method, path, authority, scheme],
        ["POST", "/v1/a?b=c", "peer.test", secure ? "https" : "http"],
      );
      assert.deepEqual(
        [seen["x-a"], seen["content-length"], seen["te"], seen["host"]],
        ["1, 2", "300000", undefined, undefined],
      );
      assert.equal(received.length, 300_000);
      assert.deepEqual([answer.status, answer.body, answer.error], [201, "first second", undefined]);
      const shown = answer.headers.slice(0, 6);
      assert.deepEqual(shown, ["content-type", "text/plain", "x-many", "a", "x-many", "b"]);
      assert.ok(!answer.headers.includes("trailer"));
    });
  }

  it("refuses what would break a header, before anything is sent", async (t) => {
    const { peer, client } = await scene(t, (connection, stream) => connection.answer(stream));
    const base = post();
    for (const request of [
      { ...base, headers: new HeaderMap(["x-a", "1\r\nx-b: 2"]) },
      { ...base, headers: new HeaderMap([":path", "/other"]) },
      { ...base, path: "/a b" },
    ]) {
      assert.throws(() => client.send(request, new Recorded()), GatewayError);
    }
    assert.equal(peer.sockets.length, 0);
  });

  it("puts calls side by side on one connection", async (t) => {
    const held: [H2Connection, number][] = [];
    const { peer, client } = await scene(t, (connection, stream) => {
      held.push([connection, stream]);
      if (held.length === 3) for (const [on, id] of held.reverse()) on.answer(id, `stream ${id}`);
    });
    const answers = await Promise.all([exchange(client), exchange(client), exchange(client)]);
    assert.deepEqual(
      answers.map((answer) => answer.body),
      ["stream 1", "stream 3", "stream 5"],
    );
    assert.equal(peer.sockets.length, 1);
  });

  it("opens a further connection when the peer's limit of streams is reached", async (t) => {
    const held: [H2Connection, number][] = [];
    const hold: H2Script = (connection, stream) => held.push([connection, stream]);
    const { peer, client } = await scene(t, hold, 2, { connectionsMax: 2, waitingMax: 5 });
    const calls = [1, 2, 3, 4, 5].map(() => begin(client));
    while (held.length < 4) await turns(1);
    await turns();
    assert.deepEqual([held.length, peer.sockets.length], [4, 2]);
    for (const [connection, stream] of held.splice(0)) connection.answer(stream);
    while (held.length < 1) await turns(1);
    for (const [connection, stream] of held) connection.answer(stream);
    for (const { recorded } of calls) assert.equal((await recorded.done).body, "ok");
    assert.equal(peer.sockets.length, 2);
  });

  it("refuses calls above the queue's bound", async (t) => {
    const { client } = await scene(t, () => undefined, 1, { connectionsMax: 1, waitingMax: 1 });
    begin(client);
    const unavailable = (error: unknown) => error instanceof GatewayError && error.code === "upstream_unavailable";
    assert.throws(() => begin(client), unavailable);
  });

  it("leaves a connection that says it goes away, and lets its calls end", async (t) => {
    const { peer, client } = await scene(t, (connection, stream, count) => {
      if (count > 1) connection.answer(stream, "from the new one");
      else {
        connection.head(stream);
        connection.data(stream, "started, ");
        connection.goaway(stream);
      }
    });
    const first = begin(client);
    while (first.recorded.bytes === 0) await turns(1);
    await turns();
    assert.equal((await exchange(client)).body, "from the new one");
    assert.equal(peer.sockets.length, 2);
    // Stream 1 of the first connection is still open.
    peer.socket().write(Buffer.from("0000050001000000016f76657221", "hex"));
    assert.equal((await first.recorded.done).body, "started, over!");
  });

  it("resets an aborted call's stream and keeps the connection", async (t) => {
    const { peer, client } = await scene(t, (connection, stream, count) => {
      if (count === 2) connection.answer(stream);
      else {
        connection.head(stream);
        connection.data(stream, "part");
      }
    });
    const { call, recorded } = begin(client);
    recorded.onChunk = () => {
      call.pause();
      call.abort();
      call.abort();
    };
    while (peer.requests.length === 0) await turns(1);
    assert.deepEqual(peer.requests, [`reset 1 ${CANCEL}`]);
    assert.equal((await exchange(client)).body, "ok");
    assert.deepEqual(
      [recorded.body, recorded.ended, recorded.error, peer.sockets.length],
      ["part", false, undefined, 1],
    );
  });

  it("drops a call that is aborted while connecting", async (t) => {
    let streams = 0;
    const { client } = await scene(t, (connection, stream, count) => {
      streams = count;
      connection.answer(stream);
    });
    begin(client).call.abort();
    assert.equal((await exchange(client)).body, "ok");
    assert.equal(streams, 1);
  });

  it("stops reading a paused call, and not the others beside it", async (t) => {
    const size = 2_000_000;
    const port = await nodeServer(t, (stream) => {
      stream.respond({ ":status": 200 });
      stream.end(Buffer.alloc(size, "x"));
    });
    const client = clientOf(t, port);
    const { call, recorded } = begin(client);
    recorded.onChunk = () => call.pause();
    while (recorded.bytes === 0) await turns(1);
    const beside = await exchange(client);
    assert.equal(beside.bytes, size);
    assert.ok(recorded.bytes < 100_000);
    recorded.onChunk = () => undefined;
    call.resume();
    assert.equal((await recorded.done).bytes, size);
  });

  it("delivers an answer that comes before the body is sent", async (t) => {
    const { peer, client } = await scene(t, (connection, stream) => connection.answer(stream, "too large"));
    const answer = await exchange(client, post(Buffer.alloc(20_000_000)));
    assert.deepEqual([answer.body, answer.error], ["too large", undefined]);
    while (peer.requests.length === 0) await turns(1);
    assert.deepEqual(peer.requests, [`reset 1 ${CANCEL}`]);
  });

  it("leaves nothing behind of a call that is aborted at once", async (t) => {
    const { peer, client } = await scene(t, (connection, stream) => connection.answer(stream));
    await exchange(client);
    begin(client, post("x".repeat(100))).call.abort();
    client.close();
    await once(peer.socket(), "close");
  });

  it("ends a call whose handler throws, not the process", async (t) => {
    const { client } = await scene(t, (connection, stream) => connection.answer(stream));
    const { recorded } = begin(client);
    recorded.onChunk = () => {
      throw new Error("a translator's mistake");
    };
    assert.equal((await recorded.done).error?.code, "internal");
  });

  it("closes a connection that was idle for a minute", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    let nowMs = 0;
    const { peer, client } = await scene(t, (connection, stream) => connection.answer(stream), 100, {
      nowMs: () => nowMs,
    });
    await exchange(client);
    nowMs = 60_000;
    t.mock.timers.tick(1_000);
    await once(peer.socket(), "close");
  });

  it("closes with the client, after the calls under way", async (t) => {
    const held: [H2Connection, number][] = [];
    const { peer, client } = await scene(t, (connection, stream) => held.push([connection, stream]));
    const { recorded } = begin(client);
    while (held.length === 0) await turns(1);
    client.close();
    for (const [connection, stream] of held) connection.answer(stream);
    assert.equal((await recorded.done).body, "ok");
    await once(peer.socket(), "close");
  });
});
