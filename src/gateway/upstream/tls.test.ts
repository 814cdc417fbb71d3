import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";
import type { SubjectAltName, UpstreamTls } from "../../config/runtime-config.ts";
import { Secret } from "../../config/secret.ts";
import { testTls } from "../../config/test-upstream-tls.ts";
import { createUpstreamClient } from "./client.ts";
import { UpstreamRegistry } from "./registry.ts";
import { begin, exchange, type Script, ScriptedPeer, turns, upstreamOf } from "./scripted-peer.ts";
import type { UpstreamClient } from "./upstream.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const OK_AND_CLOSE = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
const answerOk: Script = (socket) => socket.write(OK);

function file(name: string): string {
  return readFileSync(new URL(`../../../testdata/tls/${name}`, import.meta.url), "utf8");
}

const TRUSTED = testTls({ ca: file("ca.pem") });

interface Scene {
  peer: ScriptedPeer;
  client: UpstreamClient;
}

async function scene(
  t: TestContext,
  options: TlsOptions,
  tls: Partial<UpstreamTls> = {},
  script = answerOk,
): Promise<Scene> {
  const server = createServer({
    cert: file("server.pem"),
    key: file("server.key"),
    ALPNProtocols: ["http/1.1"],
    ...options,
  });
  server.on("tlsClientError", () => undefined);
  const peer = new ScriptedPeer(script, server, "secureConnection");
  await peer.start();
  const client = createUpstreamClient(upstreamOf([peer.endpoint], { ...TRUSTED, ...tls }));
  t.after(() => {
    client.close();
    peer.stop();
  });
  return { peer, client };
}

describe("TLS towards an upstream", () => {
  it("names the server, asks for HTTP/1.1, and verifies", async (t) => {
    const { peer, client } = await scene(t, {});
    assert.equal((await exchange(client)).body, "ok");
    assert.equal((await exchange(client)).body, "ok");
    const socket = peer.socket() as TLSSocket & { servername: string };
    assert.deepEqual([socket.servername, socket.alpnProtocol, peer.sockets.length], ["upstream.test", "http/1.1", 1]);
  });

  it("verifies an address as an address and does not name it", async (t) => {
    const { peer, client } = await scene(t, {}, { serverName: "127.0.0.1" });
    assert.equal((await exchange(client)).body, "ok");
    assert.equal((peer.socket() as TLSSocket & { servername: false }).servername, false);
  });

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    it(`resumes sessions of ${version}`, async (t) => {
      const reused: boolean[] = [];
      const { client } = await scene(t, { maxVersion: version }, {}, (socket) => {
        reused.push((socket as TLSSocket).isSessionReused());
        socket.end(OK_AND_CLOSE);
      });
      await exchange(client);
      await exchange(client);
      assert.deepEqual(reused, [false, true]);
    });
  }

  const refusals: { name: string; options: TlsOptions; tls?: Partial<UpstreamTls> }[] = [
    { name: "an expired certificate", options: { cert: file("expired.pem") } },
    { name: "another server's certificate", options: { cert: file("other-name.pem") } },
    {
      name: "another server's certificate over TLS 1.2",
      options: { cert: file("other-name.pem"), maxVersion: "TLSv1.2" },
    },
    { name: "another address", options: { cert: file("other-name.pem") }, tls: { serverName: "127.0.0.1" } },
    { name: "a CA that the system does not know", options: {}, tls: { ca: undefined } },
    { name: "TLS 1.1", options: { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } },
    { name: "a demand for a client certificate", options: { requestCert: true, rejectUnauthorized: true } },
    {
      name: "a demand for a client certificate over TLS 1.2",
      options: { requestCert: true, rejectUnauthorized: true, maxVersion: "TLSv1.2" },
    },
    { name: "no common protocol", options: { ALPNProtocols: ["h2"] } },
  ];
  for (const { name, options, tls } of refusals) {
    it(`refuses ${name}, the second time too, and sends nothing`, async (t) => {
      const { peer, client } = await scene(t, options, tls);
      for (let i = 0; i < 2; i++) {
        const { error } = await exchange(client);
        assert.equal(error?.code, "upstream_unavailable");
        assert.doesNotMatch(error?.message ?? "", /127|test|certificate/);
        assert.notEqual(error?.cause, undefined);
      }
      assert.deepEqual(peer.requests, []);
    });
  }

  const gatewayKey = new Secret(file("gateway.key"));
  const demanding: TlsOptions = {
    cert: file("spiffe.pem"),
    ca: file("backend-ca.pem"),
    requestCert: true,
    rejectUnauthorized: true,
  };
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    it(`presents its own certificate over ${maxVersion}`, async (t) => {
      const tls = { ca: file("backend-ca.pem"), client: { chain: file("gateway-a.pem"), key: gatewayKey } };
      const { peer, client } = await scene(t, { ...demanding, maxVersion }, tls);
      assert.equal((await exchange(client)).body, "ok");
      assert.equal((peer.socket() as TLSSocket).getPeerCertificate().subject.CN, "gateway-a");
    });
  }

  it("makes another client for another certificate, and none for the same", () => {
    const registry = new UpstreamRegistry();
    const clients = ["gateway-a.pem", "gateway-a.pem", "gateway-b.pem"].map((name) => {
      const client = { chain: file(name), key: gatewayKey };
      return registry.client(upstreamOf([], testTls({ client })));
    });
    assert.equal(clients[0], clients[1]);
    assert.notEqual(clients[0], clients[2]);
    registry.closeAll();
  });

  const SPIFFE: SubjectAltName = { type: "URI", value: "spiffe://models.test/llm" };
  const names: { name: string; in: SubjectAltName[]; want: string }[] = [
    { name: "a URI of the certificate", in: [SPIFFE], want: "ok" },
    { name: "a name of the certificate", in: [{ type: "DNS", value: "other.test" }], want: "ok" },
    { name: "one of several", in: [{ type: "DNS", value: "no.test" }, SPIFFE], want: "ok" },
    { name: "another URI", in: [{ type: "URI", value: "spiffe://models.test/ll" }], want: "" },
    { name: "the server name, which is not among them", in: [{ type: "DNS", value: "no.test" }], want: "" },
    { name: "a name given as a URI", in: [{ type: "URI", value: "other.test" }], want: "" },
  ];
  for (const { name, in: subjectAltNames, want } of names) {
    it(`${want === "" ? "refuses" : "accepts"} by subjectAltNames: ${name}`, async (t) => {
      const tls = { ca: file("backend-ca.pem"), serverName: "sni.test", subjectAltNames };
      const { peer, client } = await scene(t, { cert: file("spiffe.pem") }, tls);
      assert.equal((await exchange(client)).body, want);
      assert.equal(peer.requests.length, want === "" ? 0 : 1);
    });
  }

  it("is not taken in by a name that prints like two", async (t) => {
    const tls = { ca: file("forged-name.pem"), subjectAltNames: [SPIFFE] };
    const { peer, client } = await scene(t, { cert: file("forged-name.pem") }, tls);
    assert.match(String((await exchange(client)).error?.cause), /carries none of the subjectAltNames/);
    assert.deepEqual(peer.requests, []);
  });

  it("speaks what its parameters say", async (t) => {
    const parameters = {
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.2",
      ciphers: ["ECDHE-ECDSA-AES256-GCM-SHA384"],
      curves: ["P-384", "P-256"],
      signatureAlgorithms: ["ecdsa_secp256r1_sha256"],
    } as const;
    const { peer, client } = await scene(t, {}, { parameters });
    assert.equal((await exchange(client)).body, "ok");
    const socket = peer.socket() as TLSSocket;
    assert.deepEqual(
      [socket.getProtocol(), socket.getCipher().name, socket.getSharedSigalgs()],
      ["TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384", ["ECDSA+SHA256"]],
    );
  });

  it("does not speak what its parameters leave out", async (t) => {
    const parameters = { ...testTls().parameters, minVersion: "TLSv1.3" } as const;
    const { client } = await scene(t, { maxVersion: "TLSv1.2" }, { parameters });
    assert.equal((await exchange(client)).error?.code, "upstream_unavailable");
  });

  it("does not go on in clear text", async (t) => {
    const peer = await ScriptedPeer.listen(answerOk);
    const client = createUpstreamClient(upstreamOf([peer.endpoint], TRUSTED));
    t.after(() => {
      client.close();
      peer.stop();
    });
    peer.server.on("connection", (socket) => socket.write(OK));
    assert.equal((await exchange(client)).error?.code, "upstream_unavailable");
    assert.deepEqual(peer.requests, []);
  });

  it("skips verification only where the configuration says so", async (t) => {
    const { client } = await scene(t, { cert: file("expired.pem") }, { insecureSkipVerify: true, ca: undefined });
    assert.equal((await exchange(client)).body, "ok");
  });

  it("verifies whatever NODE_TLS_REJECT_UNAUTHORIZED says", async (t) => {
    const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    t.after(() => {
      if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
    });
    const { client } = await scene(t, { cert: file("expired.pem") });
    assert.equal((await exchange(client)).error?.code, "upstream_unavailable");
  });

  it("counts a handshake that hangs as connecting", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const sockets: Socket[] = [];
    const server = createTcpServer((socket) => sockets.push(socket));
    const port = await listen(server);
    const endpoint = { host: "127.0.0.1", port, unixPath: undefined, authority: "peer.test" };
    const client = createUpstreamClient(upstreamOf([endpoint], TRUSTED));
    t.after(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    const { recorded } = begin(client);
    while (sockets.length === 0) await turns(1);
    t.mock.timers.tick(5_000);
    assert.equal((await recorded.done).error?.code, "upstream_timeout");
  });

  it("tells a connection that breaks in the middle of an answer", async (t) => {
    const { peer, client } = await scene(t, {}, {}, (socket) =>
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"),
    );
    const { recorded } = begin(client);
    recorded.onChunk = () => peer.socket().destroy();
    assert.equal((await recorded.done).error?.code, "upstream_reset_mid_stream");
  });

  it("pauses and resumes without loss", async (t) => {
    const size = 5_000_000;
    const { client } = await scene(t, {}, {}, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
      socket.write(Buffer.alloc(size, "x"));
    });
    const { call, recorded } = begin(client);
    recorded.onChunk = () => {
      call.pause();
      setImmediate(() => call.resume());
    };
    assert.equal((await recorded.done).bytes, size);
  });
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
