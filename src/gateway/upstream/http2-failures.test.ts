import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import type { UpstreamTls } from "../../config/runtime-config.ts";
import { testTls } from "../../config/test-upstream-tls.ts";
import { createUpstreamClient } from "./client.ts";
import { type H2Connection, type H2Script, listenH2 } from "./scripted-h2-peer.ts";
import { begin, exchange, post, ScriptedPeer, turns, upstreamOf } from "./scripted-peer.ts";
import type { UpstreamClient } from "./upstream.ts";

const CANCEL = 8;
const REFUSED_STREAM = 7;
const INTERNAL_ERROR = 2;

function file(name: string): string {
  return readFileSync(new URL(`../../../testdata/tls/${name}`, import.meta.url), "utf8");
}

const TRUSTED = testTls({ ca: file("ca.pem") });

function clientOf(t: TestContext, port: number, tls?: UpstreamTls): UpstreamClient {
  const endpoint = { host: "127.0.0.1", port, unixPath: undefined, authority: "peer.test" };
  const client = createUpstreamClient(upstreamOf([endpoint], tls, "h2"));
  t.after(() => client.close());
  return client;
}

async function scene(t: TestContext, script: H2Script) {
  const peer = await listenH2(script);
  t.after(() => peer.stop());
  return { peer, client: clientOf(t, peer.port) };
}

describe("the HTTP/2 client, when the peer fails", () => {
  const untouched: { name: string; script: (connection: H2Connection, stream: number) => void }[] = [
    { name: "refuses a stream", script: (connection, stream) => connection.reset(stream, REFUSED_STREAM) },
    { name: "goes away before a stream", script: (connection) => connection.goaway(0) },
  ];
  for (const { name, script } of untouched) {
    it(`tries once more when the peer ${name}, and not twice`, async (t) => {
      const once = await scene(t, (connection, stream, count) =>
        count === 1 ? script(connection, stream) : connection.answer(stream),
      );
      assert.equal((await exchange(once.client)).body, "ok");
      let streams = 0;
      const always = await scene(t, (connection, stream, count) => {
        streams = count;
        script(connection, stream);
      });
      assert.equal((await exchange(always.client)).error?.code, "upstream_unavailable");
      assert.equal(streams, 2);
    });
  }

  it("tries once more when a kept connection is dead, but not when a new one dies", async (t) => {
    const { peer, client } = await scene(t, (connection, stream, count) =>
      count === 2 || count > 3 ? connection.socket.resetAndDestroy() : connection.answer(stream),
    );
    assert.equal((await exchange(client)).body, "ok");
    assert.equal((await exchange(client)).body, "ok");
    assert.equal(peer.sockets.length, 2);
    const fresh = clientOf(t, peer.port);
    assert.equal((await exchange(fresh)).error?.code, "upstream_unavailable");
  });

  const broken: { name: string; script: H2Script; want: string; body?: string }[] = [
    {
      name: "a reset before the answer",
      script: (connection, stream) => connection.reset(stream, INTERNAL_ERROR),
      want: "upstream_unavailable",
    },
    ...[0, CANCEL, INTERNAL_ERROR].map((code) => ({
      name: `a reset with code ${code} inside an answer of known length`,
      script: (connection: H2Connection, stream: number) => {
        connection.head(stream, { "content-length": "9" });
        connection.data(stream, "half");
        connection.reset(stream, code);
      },
      want: "upstream_reset_mid_stream",
      body: "half",
    })),
    {
      name: "a cancel inside an answer of unknown length",
      script: (connection, stream) => {
        connection.head(stream);
        connection.data(stream, "half");
        connection.reset(stream, CANCEL);
      },
      want: "upstream_reset_mid_stream",
      body: "half",
    },
    {
      name: "a connection that closes inside an answer",
      script: (connection, stream) => {
        connection.head(stream);
        connection.data(stream, "half");
        connection.socket.end();
      },
      want: "upstream_reset_mid_stream",
      body: "half",
    },
    {
      name: "an answer that ends before its length",
      script: (connection, stream) => {
        connection.head(stream, { "content-length": "9" });
        connection.data(stream, "half", true);
      },
      want: "upstream_reset_mid_stream",
      body: "half",
    },
    {
      name: "bytes that are no frames",
      script: (connection) => connection.socket.write(Buffer.alloc(64, 0xff)),
      want: "upstream_invalid",
    },
  ];
  for (const { name, script, want, body = "" } of broken) {
    it(`tells ${want} for ${name}`, async (t) => {
      const { client } = await scene(t, script);
      const answer = await exchange(client);
      assert.deepEqual([answer.error?.code, answer.body, answer.ended], [want, body, false]);
    });
  }

  it("tells a peer that speaks HTTP/1.1", async (t) => {
    const peer = new ScriptedPeer(() => undefined);
    await peer.start();
    t.after(() => peer.stop());
    peer.server.on("connection", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"));
    assert.equal((await exchange(clientOf(t, peer.port))).error?.code, "upstream_invalid");
  });

  it("tells a refused connection and a certificate that is not trusted, for all that wait", async (t) => {
    const server = createSecureServer({ cert: file("server.pem"), key: file("server.key") });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const client = clientOf(t, port, { ...TRUSTED, serverName: "elsewhere.test" });
    const answers = await Promise.all([exchange(client), exchange(client)]);
    const peer = await listenH2(() => undefined);
    const closedPort = peer.port;
    peer.server.close();
    await once(peer.server, "close");
    for (const { error } of [...answers, await exchange(clientOf(t, closedPort))]) {
      assert.deepEqual([error?.code, error?.message], ["upstream_unavailable", "the upstream cannot be reached"]);
    }
  });

  it("refuses a TLS peer that does not offer HTTP/2", async (t) => {
    const server = createTlsServer({ cert: file("server.pem"), key: file("server.key") });
    const peer = new ScriptedPeer(() => undefined, server, "secureConnection");
    await peer.start();
    t.after(() => peer.stop());
    assert.equal((await exchange(clientOf(t, peer.port, TRUSTED))).error?.code, "upstream_unavailable");
  });

  it("tells a peer that does not say its settings in time", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const peer = new ScriptedPeer(() => undefined);
    await peer.start();
    t.after(() => peer.stop());
    const { recorded } = begin(clientOf(t, peer.port));
    while (peer.sockets.length === 0) await turns(1);
    t.mock.timers.tick(5_000);
    assert.equal((await recorded.done).error?.code, "upstream_timeout");
  });

  for (const code of [0, CANCEL, INTERNAL_ERROR]) {
    it(`hears a reset with code ${code} while it sends, and leaves nothing behind`, async (t) => {
      const { peer, client } = await scene(t, (connection, stream) => connection.reset(stream, code));
      const answer = await exchange(client, post(Buffer.alloc(20_000_000)));
      assert.equal(answer.error?.code, "upstream_unavailable");
      client.close();
      await once(peer.socket(), "close");
    });
  }
});
