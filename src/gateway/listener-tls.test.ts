import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import { type ConnectionOptions, connect, type PeerCertificate, type TLSSocket } from "node:tls";
import type { ListenerTls } from "../config/runtime-config.ts";
import { Secret } from "../config/secret.ts";
import { TlsListener } from "./listener-tls.ts";

const KEY = new Secret(file("server.key"));
/** By the name of its subject. */
const SERVER = file("server.pem");
const OTHER = file("other-name.pem");
const CA = file("ca.pem");

function file(name: string): string {
  return readFileSync(new URL(`../../testdata/tls/${name}`, import.meta.url), "utf8");
}

function tls(...certificates: [hostname: string | undefined, chain: string][]): ListenerTls {
  return { certificates: certificates.map(([hostname, chain]) => ({ hostname, chain, key: KEY })) };
}

async function listening(t: { after(end: () => void): void }, certificates: ListenerTls) {
  const listener = new TlsListener(certificates);
  await new Promise<void>((resolve) => listener.server.listen(0, "127.0.0.1", resolve));
  const sockets = new Set<Socket>();
  listener.server.on("connection", (socket) => sockets.add(socket));
  // Callers of these tests leave as soon as they have seen enough.
  listener.server.on("secureConnection", (socket) => socket.on("error", () => undefined));
  t.after(() => {
    listener.server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { listener, port: (listener.server.address() as AddressInfo).port };
}

/** Shakes hands and says what came of it. */
function handshake(port: number, options: ConnectionOptions = {}): Promise<{ socket: TLSSocket; names: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", ca: CA, checkServerIdentity: () => undefined, ...options });
    socket.on("error", reject);
    socket.on("secureConnect", () => {
      const { subjectaltname = "" }: PeerCertificate = socket.getPeerCertificate();
      socket.end();
      resolve({ socket, names: subjectaltname });
    });
  });
}

const BOTH = tls(["a.example", OTHER], ["*.example", SERVER], [undefined, OTHER]);

const PRESENTED = [
  { name: "the one of its name", in: "a.example", want: /elsewhere/ },
  { name: "the one of its name in capitals", in: "A.EXAMPLE", want: /elsewhere/ },
  { name: "a wildcard that covers it", in: "b.example", want: /localhost/ },
  { name: "a wildcard that covers it two labels down", in: "c.b.example", want: /localhost/ },
  { name: "the one for every name", in: "example", want: /elsewhere/ },
];

for (const { name, in: servername, want } of PRESENTED) {
  test(`a caller that says a server name is presented ${name}`, async (t) => {
    const { port } = await listening(t, BOTH);
    assert.match((await handshake(port, { servername })).names, want);
  });
}

test("a caller that says no server name, or one that fits nothing, is presented the first", async (t) => {
  const { port } = await listening(t, tls(["a.example", OTHER], ["b.example", SERVER]));
  assert.match((await handshake(port)).names, /elsewhere/);
  assert.match((await handshake(port, { servername: "c.example" })).names, /elsewhere/);
});

test("other certificates are presented without closing the port", async (t) => {
  const { listener, port } = await listening(t, tls([undefined, SERVER]));
  assert.match((await handshake(port)).names, /localhost/);
  listener.present(tls([undefined, OTHER]));
  assert.match((await handshake(port)).names, /elsewhere/);
  assert.match((await handshake(port, { servername: "a.example" })).names, /elsewhere/);
});

const AGREED = [
  { name: "HTTP/2 when both speak it", in: ["http/1.1", "h2"], want: "h2" },
  { name: "HTTP/1.1 when that is all the caller speaks", in: ["http/1.1"], want: "http/1.1" },
  { name: "nothing when the caller does not ask", in: undefined, want: false },
];

for (const { name, in: protocols, want } of AGREED) {
  test(`the protocol agreed on is ${name}`, async (t) => {
    const { port } = await listening(t, BOTH);
    const { socket } = await handshake(port, protocols && { ALPNProtocols: protocols });
    assert.equal(socket.alpnProtocol, want);
  });
}

test("TLS 1.1 is refused, TLS 1.2 is not", async (t) => {
  const { port } = await listening(t, tls(["a.example", OTHER], [undefined, SERVER]));
  const old: ConnectionOptions = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
  await assert.rejects(handshake(port, old));
  await assert.rejects(handshake(port, { ...old, servername: "a.example" }));
  assert.equal((await handshake(port, { maxVersion: "TLSv1.2" })).socket.getProtocol(), "TLSv1.2");
});
