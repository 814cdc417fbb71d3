import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it, type TestContext } from "node:test";
import { createUpstreamClient } from "./client.ts";
import { begin, exchange, post, type Script, ScriptedPeer, turns, upstreamOf } from "./scripted-peer.ts";
import type { UpstreamClient } from "./upstream.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

async function scene(t: TestContext, script: Script): Promise<{ peer: ScriptedPeer; client: UpstreamClient }> {
  const peer = await ScriptedPeer.listen(script);
  const client = createUpstreamClient(upstreamOf([peer.endpoint]));
  t.after(() => {
    client.close();
    peer.stop();
  });
  return { peer, client };
}

describe("the HTTP/1.1 client, when the peer fails", () => {
  it("tells a refused connection without saying where", async (t) => {
    const { peer, client } = await scene(t, () => undefined);
    peer.server.close();
    await once(peer.server, "close");
    const { error } = await exchange(client);
    assert.deepEqual(
      [error?.code, error?.message, error?.expose],
      ["upstream_unavailable", "the upstream cannot be reached", true],
    );
    assert.match(String(error?.cause), /ECONNREFUSED/);
  });

  it("tells a connection that is not there in time", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { client } = await scene(t, () => undefined);
    const { recorded } = begin(client);
    t.mock.timers.tick(4_999);
    assert.equal(recorded.error?.code, undefined);
    t.mock.timers.tick(1);
    assert.equal(recorded.error?.code, "upstream_timeout");
  });

  it("has no say on how long an answer takes once connected", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { peer, client } = await scene(t, () => undefined);
    const { recorded } = begin(client);
    while (peer.requests.length === 0) await turns(1);
    t.mock.timers.tick(3_600_000);
    peer.socket().write(OK);
    assert.equal((await recorded.done).body, "ok");
  });

  const cuts = [
    { name: "nothing", sent: "", want: "upstream_unavailable" },
    { name: "half a head", sent: "HTTP/1.1 200 OK\r\ncont", want: "upstream_unavailable" },
    { name: "only an interim answer", sent: "HTTP/1.1 103 Early Hints\r\n\r\n", want: "upstream_unavailable" },
    {
      name: "half a sized body",
      sent: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
      want: "upstream_reset_mid_stream",
    },
    {
      name: "chunks without the last",
      sent: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
      want: "upstream_reset_mid_stream",
    },
  ];
  for (const { name, sent, want } of cuts) {
    it(`tells ${want} when a new connection closes after ${name}`, async (t) => {
      const { peer, client } = await scene(t, (socket) => socket.end(sent));
      const { error, body, ended } = await exchange(client);
      assert.deepEqual([error?.code, ended, peer.requests.length], [want, false, 1]);
      assert.equal(body, sent.includes("half") ? "half" : "");
    });
  }

  it("tells a reset in the middle of an answer", async (t) => {
    const { peer, client } = await scene(t, (socket) => socket.write("HTTP/1.1 200 OK\r\n\r\nhalf"));
    const { recorded } = begin(client);
    recorded.onChunk = () => peer.socket().resetAndDestroy();
    assert.equal((await recorded.done).error?.code, "upstream_reset_mid_stream");
  });

  it("takes the end of the connection for the end of a body without a length", async (t) => {
    const { client } = await scene(t, (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it"));
    const { body, ended } = await exchange(client);
    assert.deepEqual([body, ended], ["all of it", true]);
  });

  it("refuses what is no HTTP and closes the connection", async (t) => {
    const { peer, client } = await scene(t, (socket) => socket.write("SSH-2.0-OpenSSH\r\n"));
    const { error } = await exchange(client);
    assert.equal(error?.code, "upstream_invalid");
    await once(peer.socket(), "close");
  });

  it("tries once more, on a new connection, when a kept one breaks before it answers", async (t) => {
    const { peer, client } = await scene(t, (socket, _text, count) =>
      count === 2 ? socket.resetAndDestroy() : socket.write(OK),
    );
    await exchange(client);
    const { body, error } = await exchange(client, post("again"));
    assert.deepEqual([body, error], ["ok", undefined]);
    assert.equal(peer.requests[1], peer.requests[2]);
    assert.equal(peer.sockets.length, 2);
  });

  it("tries no third time", async (t) => {
    const { peer, client } = await scene(t, (socket, _text, count) =>
      count > 1 ? socket.destroy() : socket.write(OK),
    );
    await exchange(client);
    assert.equal((await exchange(client)).error?.code, "upstream_unavailable");
    assert.equal(peer.requests.length, 3);
  });

  it("does not try again once a byte of the answer has come", async (t) => {
    const { peer, client } = await scene(t, (socket, _text, count) => (count > 1 ? socket.end("H") : socket.write(OK)));
    await exchange(client);
    assert.equal((await exchange(client)).error?.code, "upstream_unavailable");
    assert.equal(peer.requests.length, 2);
  });

  for (const then of ["reads on", "closes", "resets"]) {
    it(`delivers an answer that comes before the body is sent, when the peer then ${then}`, async (t) => {
      const peer = new ScriptedPeer(() => undefined);
      await peer.start();
      const client = createUpstreamClient(upstreamOf([peer.endpoint]));
      t.after(() => {
        client.close();
        peer.stop();
      });
      peer.server.once("connection", (socket) => {
        socket.removeAllListeners("data");
        socket.once("data", () => {
          socket.pause();
          socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig", () => {
            if (then === "closes") socket.destroy();
            if (then === "resets") socket.resetAndDestroy();
          });
        });
      });
      const { status, body, error } = await exchange(client, post(Buffer.alloc(20_000_000)));
      assert.deepEqual([status, body, error], [413, "big", undefined]);
      peer.socket().resume();
      if (then === "reads on") await once(peer.socket(), "close");
    });
  }

  it("ends a call whose handler throws, not the process", async (t) => {
    const { peer, client } = await scene(t, (socket) => socket.write(OK));
    const { recorded } = begin(client);
    recorded.onChunk = () => {
      throw new Error("a translator's mistake");
    };
    assert.equal((await recorded.done).error?.code, "internal");
    await once(peer.socket(), "close");
  });
});

describe("a call over HTTP/1.1", () => {
  it("that is aborted closes its connection and hears nothing more", async (t) => {
    const { peer, client } = await scene(t, (socket) => socket.write("HTTP/1.1 200 OK\r\n\r\nfirst"));
    const { call, recorded } = begin(client);
    recorded.onChunk = () => {
      call.abort();
      call.abort();
    };
    while (peer.requests.length === 0) await turns(1);
    await once(peer.socket(), "close");
    await turns();
    assert.deepEqual([recorded.body, recorded.ended, recorded.error], ["first", false, undefined]);
  });

  it("may be aborted while connecting", async (t) => {
    const { peer, client } = await scene(t, (socket) => socket.write(OK));
    const { call, recorded } = begin(client);
    call.abort();
    assert.equal((await exchange(client)).body, "ok");
    assert.deepEqual([peer.requests.length, recorded.status, recorded.error], [1, 0, undefined]);
  });

  it("that has ended has no hold on the connection any more", async (t) => {
    const { peer, client } = await scene(t, (socket, text) =>
      socket.write(text.endsWith("slow") ? "HTTP/1.1 200 OK\r\n\r\n" : OK),
    );
    const first = begin(client);
    await first.recorded.done;
    const second = begin(client, post("slow"));
    while (second.recorded.status === 0) await turns(1);
    first.call.pause();
    first.call.abort();
    peer.socket().end("the rest");
    assert.equal((await second.recorded.done).body, "the rest");
    assert.equal(peer.sockets.length, 1);
  });

  it("that is paused stops reading, and loses nothing", async (t) => {
    const size = 30_000_000;
    const { client } = await scene(t, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
      socket.write(Buffer.alloc(size, "x"));
    });
    const { call, recorded } = begin(client);
    const paused = new Promise<void>((resolve) => {
      recorded.onChunk = () => {
        recorded.onChunk = () => undefined;
        call.pause();
        resolve();
      };
    });
    await paused;
    const { bytes } = recorded;
    await turns();
    assert.equal(recorded.bytes, bytes);
    assert.equal(recorded.ended, false);
    call.resume();
    assert.equal((await recorded.done).bytes, size);
  });

  it("that is paused when its answer is whole leaves a connection that reads", async (t) => {
    const { peer, client } = await scene(t, (socket) => socket.write(OK));
    const { call, recorded } = begin(client);
    recorded.onChunk = () => call.pause();
    await recorded.done;
    assert.equal((await exchange(client)).body, "ok");
    assert.equal(peer.sockets.length, 1);
  });
});
