import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { UpstreamEndpoint } from "../../config/runtime-config.ts";
import { GatewayError } from "../../errors/gateway-error.ts";
import { HeaderMap } from "../../wire/headers.ts";
import { createUpstreamClient } from "./client.ts";
import { type ClientLimits, DEFAULT_LIMITS } from "./limits.ts";
import { begin, exchange, post, Recorded, type Script, ScriptedPeer, turns, upstreamOf } from "./scripted-peer.ts";
import type { UpstreamClient } from "./upstream.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const answerOk: Script = (socket) => socket.write(OK);

interface Scene {
  peer: ScriptedPeer;
  client: UpstreamClient;
}

async function scene(t: TestContext, script: Script, limits: Partial<ClientLimits> = {}): Promise<Scene> {
  const peer = await ScriptedPeer.listen(script);
  const client = clientOf(t, [peer.endpoint], limits);
  t.after(() => peer.stop());
  return { peer, client };
}

function clientOf(t: TestContext, endpoints: UpstreamEndpoint[], limits: Partial<ClientLimits> = {}): UpstreamClient {
  const client = createUpstreamClient(upstreamOf(endpoints), { ...DEFAULT_LIMITS, ...limits });
  t.after(() => client.close());
  return client;
}

describe("the HTTP/1.1 client, sending", () => {
  it("writes request line, host, headers, length and body", async (t) => {
    const { peer, client } = await scene(t, answerOk);
    const headers = new HeaderMap(["content-type", "text/plain", "x-latin", "caf\xe9"]);
    const answer = await exchange(client, { method: "POST", path: "/v1/a?b=c", headers, body: Buffer.from("hello") });
    assert.deepEqual(peer.requests, [
      "POST /v1/a?b=c HTTP/1.1\r\nhost: peer.test\r\ncontent-type: text/plain\r\nx-latin: caf\xe9\r\ncontent-length: 5\r\n\r\nhello",
    ]);
    assert.deepEqual([answer.status, answer.headers, answer.body], [200, ["content-length", "2"], "ok"]);
  });

  it("keeps the headers that frame a message its own, whoever sets them", async (t) => {
    const { peer, client } = await scene(t, answerOk);
    const own = ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"];
    const headers = new HeaderMap([...own.flatMap((name) => [name, "1"]), "x-kept", "1"]);
    await exchange(client, { method: "POST", path: "/", headers, body: Buffer.from("hello") });
    assert.deepEqual(peer.requests, [
      "POST / HTTP/1.1\r\nhost: peer.test\r\nx-kept: 1\r\ncontent-length: 5\r\n\r\nhello",
    ]);
  });

  it("says the length of an empty POST and none for an empty GET", async (t) => {
    const { peer, client } = await scene(t, answerOk);
    await exchange(client, { method: "POST", path: "/", headers: new HeaderMap(), body: Buffer.alloc(0) });
    await exchange(client, { method: "GET", path: "/", headers: new HeaderMap(), body: Buffer.alloc(0) });
    assert.deepEqual(peer.requests, [
      "POST / HTTP/1.1\r\nhost: peer.test\r\ncontent-length: 0\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: peer.test\r\n\r\n",
    ]);
  });

  it("sends a large body whole", async (t) => {
    const { peer, client } = await scene(t, answerOk);
    const body = Buffer.alloc(3_000_000, "0123456789");
    await exchange(client, post(body));
    assert.equal(peer.requests[0]?.slice(-body.length), body.toString("latin1"));
  });

  it("refuses what would break the request apart, before anything is sent", async (t) => {
    const { peer, client } = await scene(t, answerOk);
    const base = post();
    const cases = [
      { ...base, headers: new HeaderMap(["x-a", "1\r\nx-b: 2"]) },
      { ...base, headers: new HeaderMap(["x-a", "1\nx-b: 2"]) },
      { ...base, headers: new HeaderMap(["x-a", "1\0"]) },
      // Cut to one byte these are CR and LF.
      { ...base, headers: new HeaderMap(["x-a", "1\u010d\u010ax-b: 2"]) },
      { ...base, headers: new HeaderMap(["x-a\r\nx-b", "1"]) },
      { ...base, headers: new HeaderMap(["x a", "1"]) },
      { ...base, headers: new HeaderMap(["", "1"]) },
      { ...base, path: "/a b" },
      { ...base, path: "/a\r\nx: y" },
      { ...base, path: "/\u010d\u010a" },
      { ...base, path: "http://elsewhere.test/" },
      { ...base, method: "POST /x" },
    ];
    for (const request of cases) {
      const internal = (error: unknown) => error instanceof GatewayError && error.code === "internal" && !error.expose;
      assert.throws(() => client.send(request, new Recorded()), internal);
    }
    assert.equal(peer.sockets.length, 0);
  });

  it("leaves the memory of a chunk to the handler", async (t) => {
    const { peer, client } = await scene(t, (socket) =>
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst"),
    );
    const { recorded } = begin(client);
    recorded.onChunk = (chunk) => {
      if (chunk.toString() === "first") peer.socket().write("other");
    };
    assert.equal((await recorded.done).body, "firstother");
  });

  it("takes the endpoints in turn", async (t) => {
    const first = await scene(t, answerOk);
    const second = await scene(t, answerOk);
    const client = clientOf(t, [first.peer.endpoint, second.peer.endpoint]);
    for (let i = 0; i < 4; i++) await exchange(client);
    assert.deepEqual([first.peer.requests.length, second.peer.requests.length], [2, 2]);
  });

  it("reaches a Unix socket", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "upstream-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const unixPath = join(folder, "s");
    const peer = new ScriptedPeer(answerOk);
    await peer.start(unixPath);
    t.after(() => peer.stop());
    const client = clientOf(t, [{ host: undefined, port: 0, unixPath, authority: "local" }]);
    assert.equal((await exchange(client)).body, "ok");
    assert.match(peer.requests[0] ?? "", /^POST \/v1\/x HTTP\/1\.1\r\nhost: local\r\n/);
  });
});

describe("the HTTP/1.1 client's connections", () => {
  it("carry one request after the other", async (t) => {
    const { peer, client } = await scene(t, answerOk);
    for (let i = 0; i < 3; i++) assert.equal((await exchange(client)).body, "ok");
    assert.deepEqual([peer.sockets.length, peer.requests.length], [1, 3]);
  });

  it("are as many as there are requests at once", async (t) => {
    const { peer, client } = await scene(t, answerOk);
    const answers = await Promise.all([exchange(client), exchange(client), exchange(client)]);
    assert.deepEqual(
      answers.map((answer) => answer.body),
      ["ok", "ok", "ok"],
    );
    assert.equal(peer.sockets.length, 3);
  });

  const spent = [
    { name: "says close", answer: "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok" },
    { name: "sends more than its answer", answer: `${OK}HTTP/1.1 200 OK\r\n` },
    {
      name: "keeps idle connections for a second",
      answer: "HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nok",
    },
  ];
  for (const { name, answer } of spent) {
    it(`are not used again when the peer ${name}`, async (t) => {
      const { peer, client } = await scene(t, (socket) => socket.write(answer));
      assert.equal((await exchange(client)).body, "ok");
      assert.equal((await exchange(client)).body, "ok");
      assert.equal(peer.sockets.length, 2);
    });
  }

  it("are let go a second before the peer would, on the clock", async (t) => {
    let nowMs = 0;
    const answer = "HTTP/1.1 200 OK\r\nkeep-alive: timeout=5\r\ncontent-length: 2\r\n\r\nok";
    const { peer, client } = await scene(t, (socket) => socket.write(answer), { nowMs: () => nowMs });
    await exchange(client);
    nowMs += 3_999;
    await exchange(client);
    assert.equal(peer.sockets.length, 1);
    nowMs += 4_000;
    await exchange(client);
    assert.equal(peer.sockets.length, 2);
  });

  it("are closed when idle for a minute, without a request", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    let nowMs = 0;
    const { peer, client } = await scene(t, answerOk, { nowMs: () => nowMs });
    await exchange(client);
    nowMs = 59_999;
    t.mock.timers.tick(1_000);
    await turns();
    assert.equal(peer.socket().readableEnded, false);
    nowMs = 60_000;
    t.mock.timers.tick(1_000);
    await once(peer.socket(), "close");
  });

  it("are forgotten when an idle peer closes or speaks unasked", async (t) => {
    for (const leave of [
      (s: Socket) => s.end(),
      (s: Socket) => s.resetAndDestroy(),
      (s: Socket) => s.write("HTTP/1.1 408 T\r\n\r\n"),
    ]) {
      const { peer, client } = await scene(t, answerOk);
      await exchange(client);
      leave(peer.socket());
      await turns();
      assert.equal((await exchange(client)).body, "ok");
      assert.deepEqual([peer.sockets.length, peer.requests.length], [2, 2]);
    }
  });

  it("are at most so many, then requests wait in order, then are refused", async (t) => {
    const held: Socket[] = [];
    const { peer, client } = await scene(t, (socket) => held.push(socket), { connectionsMax: 1, waitingMax: 2 });
    const first = begin(client, post("1"));
    const second = begin(client, post("2"));
    const third = begin(client, post("3"));
    const refused = (error: unknown) => error instanceof GatewayError && error.code === "upstream_unavailable";
    assert.throws(() => begin(client), refused);
    second.call.abort();
    const fourth = begin(client, post("4"));
    for (const { recorded } of [first, third, fourth]) {
      while (held.length === 0) await turns(1);
      held.pop()?.write(OK);
      assert.equal((await recorded.done).body, "ok");
    }
    assert.deepEqual(
      peer.requests.map((text) => text.slice(-1)),
      ["1", "3", "4"],
    );
    assert.equal(peer.sockets.length, 1);
  });

  it("make room for a waiting request when they break", async (t) => {
    const { client } = await scene(t, (socket, _text, count) => (count === 1 ? socket.destroy() : socket.write(OK)), {
      connectionsMax: 1,
    });
    const [first, second] = await Promise.all([exchange(client), exchange(client)]);
    assert.equal(first.error?.code, "upstream_unavailable");
    assert.equal(second.body, "ok");
  });

  it("close with the client: idle ones now, others when their call has ended", async (t) => {
    const held: Socket[] = [];
    const { peer, client } = await scene(t, (socket, text) =>
      text.endsWith("hold") ? held.push(socket) : socket.write(OK),
    );
    const busy = begin(client, post("hold"));
    await exchange(client);
    client.close();
    const [idle, other] =
      held[0] === peer.socket(0) ? [peer.socket(1), peer.socket(0)] : [peer.socket(0), peer.socket(1)];
    await once(idle, "close");
    other.write(OK);
    assert.equal((await busy.recorded.done).body, "ok");
    await once(other, "close");
  });
});
