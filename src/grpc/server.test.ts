import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { connect as connectHttp2, constants } from "node:http2";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type ChannelCredentials, Client, credentials, type ServiceError } from "@grpc/grpc-js";
import fc from "fast-check";
import { GRPC_STATUS, type GrpcHandler, type GrpcMethods, type GrpcStream } from "./grpc.ts";
import { createGrpcServer, type GrpcAddress, type GrpcServer, type GrpcServerOptions } from "./server.ts";

/** A self-signed certificate for clients ("CN=envoy") of `testdata/tls/server.key`, good for a hundred years. */
const CLIENT_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBjDCCATKgAwIBAgIUfyKG+IZ4mkrt9ef0YLbnDT2QvgcwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFZW52b3kwIBcNMjYxMTIxMTQzOTAzWhgPMjEyNjEwMjgxNDM5
MDNaMBAxDjAMBgNVBAMMBWVudm95MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
Fc4CXd+XRzi2FlDgkb9iJnWMg4JtoaZRtDQkI4RJ4iH3NRpMGnQvr+ATRIZHtC9I
zrF5i4j7j1gllKALknftOqNoMGYwHQYDVR0OBBYEFKXbL6fhmgRLhkW5cg5wdDU1
DnKQMB8GA1UdIwQYMBaAFKXbL6fhmgRLhkW5cg5wdDU1DnKQMA8GA1UdEwEB/wQF
MAMBAf8wEwYDVR0lBAwwCgYIKwYBBQUHAwIwCgYIKoZIzj0EAwIDSAAwRQIhANJT
yMirn5LIsG4pRWsZo2pZduPSZyGs3gobAcefgiXuAiBiAxTJbxk50p83P+L4CJpy
HfjmPfNZGG1Etmr3sUQ7qA==
-----END CERTIFICATE-----
`;

const LOOPBACK = { host: "127.0.0.1", port: 0 };
const UNLIMITED = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

function tlsFile(name: string): string {
  return readFileSync(new URL(`../../testdata/tls/${name}`, import.meta.url), "utf8");
}

function same(bytes: Buffer): Buffer {
  return bytes;
}

/** Handlers of `/test.Test/…`; `closes` counts what was closed. */
class Services {
  closes = 0;
  readonly errors: unknown[] = [];
  readonly methods: GrpcMethods = new Map<string, (stream: GrpcStream) => GrpcHandler>([
    [
      "/test.Test/Echo",
      (stream) =>
        this.#handler(
          (message) => stream.send(message),
          () => stream.end(GRPC_STATUS.ok),
        ),
    ],
    ["/test.Test/Refuse", (stream) => this.#handler(() => stream.end(GRPC_STATUS.unavailable, "no, 100 % é"))],
    ["/test.Test/Throw", () => this.#handler(() => assert.fail("secret"))],
    ["/test.Test/Silent", () => this.#handler(() => undefined)],
    [
      "/test.Test/Headers",
      (stream) =>
        this.#handler(
          () => undefined,
          () => {
            stream.send(Buffer.from(JSON.stringify([...stream.headers]), "latin1"));
            stream.end(GRPC_STATUS.ok);
          },
        ),
    ],
  ]);

  #handler(onMessage: (message: Uint8Array) => void, onEnd: () => void = () => undefined): GrpcHandler {
    return {
      onMessage,
      onEnd,
      onClose: () => {
        this.closes += 1;
      },
    };
  }
}

interface Scene {
  services: Services;
  server: GrpcServer;
  client: Client;
  port: number;
}

async function scene(
  t: TestContext,
  options: Partial<GrpcServerOptions> = {},
  security = credentials.createInsecure(),
): Promise<Scene> {
  const services = new Services();
  const server = createGrpcServer(services.methods, { onError: (error) => services.errors.push(error), ...options });
  const port = await server.listen(LOOPBACK);
  const client = clientOf(t, `127.0.0.1:${port}`, security);
  t.after(() => server.close(0));
  return { services, server, client, port };
}

function clientOf(t: TestContext, target: string, security: ChannelCredentials = credentials.createInsecure()): Client {
  const client = new Client(target, security, { ...UNLIMITED, "grpc.ssl_target_name_override": "localhost" });
  t.after(() => client.close());
  return client;
}

/** The answer to one message, or the error. */
function unary(client: Client, method: string, message: Buffer, deadlineMs?: number): Promise<Buffer | ServiceError> {
  const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
  return new Promise((resolve) => {
    client.makeUnaryRequest(`/test.Test/${method}`, same, same, message, options, (error, answer) => {
      resolve(error ?? answer ?? Buffer.alloc(0));
    });
  });
}

async function failure(client: Client, method: string, deadlineMs?: number): Promise<readonly [number, string]> {
  const { code, details } = (await unary(client, method, Buffer.from("a"), deadlineMs)) as ServiceError;
  return [code, details];
}

/** Until a condition holds that the network brings about. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe("the gRPC server and a client of another make", () => {
  it("serves unary calls", async (t) => {
    const { client, services } = await scene(t);
    assert.deepEqual(await unary(client, "Echo", Buffer.from("hello")), Buffer.from("hello"));
    assert.deepEqual(await unary(client, "Echo", Buffer.alloc(0)), Buffer.alloc(0));
    assert.deepEqual([services.closes, services.errors], [2, []]);
  });

  it("carries big messages both ways", async (t) => {
    const { client } = await scene(t);
    const big = Buffer.alloc(20_000_000);
    for (let at = 0; at < big.length; at += 997) big[at] = at;
    assert.ok(big.equals((await unary(client, "Echo", big)) as Buffer));
  });

  it("serves calls with messages in both directions, many at a time", async (t) => {
    const { client, services } = await scene(t);
    const talk = (name: string) =>
      new Promise<string[]>((resolve, reject) => {
        const call = client.makeBidiStreamRequest("/test.Test/Echo", same, same);
        const answers: string[] = [];
        call.on("data", (answer: Buffer) => {
          answers.push(answer.toString());
          if (answers.length < 3) call.write(Buffer.from(`${name} ${answers.length}`));
          else call.end();
        });
        call.on("error", reject);
        call.on("end", () => resolve(answers));
        call.write(Buffer.from(`${name} 0`));
      });
    const names = Array.from({ length: 200 }, (_, index) => `call ${index}`);
    const got = await Promise.all(names.map(talk));
    assert.deepEqual(
      got,
      names.map((name) => [0, 1, 2].map((turn) => `${name} ${turn}`)),
    );
    assert.equal(services.closes, names.length);
  });

  it("tells why a call failed", async (t) => {
    const { client, services } = await scene(t, { messageBytesMax: 10 });
    assert.deepEqual(await failure(client, "Refuse"), [GRPC_STATUS.unavailable, "no, 100 % é"]);
    assert.deepEqual(await failure(client, "Missing"), [GRPC_STATUS.unimplemented, "no method /test.Test/Missing"]);
    assert.deepEqual(await failure(client, "Throw"), [GRPC_STATUS.internal, "internal error"]);
    const large = (await unary(client, "Echo", Buffer.alloc(11))) as ServiceError;
    assert.deepEqual([large.code, services.errors.length], [GRPC_STATUS.resourceExhausted, 1]);
  });

  it("closes calls whose deadline has passed or that are cancelled", async (t) => {
    const { client, server, services } = await scene(t);
    assert.equal((await failure(client, "Silent", 50))[0], GRPC_STATUS.deadlineExceeded);
    await until(() => services.closes === 1);
    const call = client.makeBidiStreamRequest("/test.Test/Silent", same, same);
    call.on("error", () => undefined);
    call.write(Buffer.from("a"));
    await until(() => server.streams === 1);
    call.cancel();
    await until(() => services.closes === 2);
    assert.deepEqual([server.streams, server.connections], [0, 1]);
  });

  it("closes calls when the connection is gone", async (t) => {
    const { client, server, services } = await scene(t);
    const call = client.makeBidiStreamRequest("/test.Test/Silent", same, same);
    call.on("error", () => undefined);
    call.write(Buffer.from("a"));
    await until(() => server.streams === 1);
    client.close();
    call.cancel();
    await until(() => server.connections === 0);
    assert.equal(services.closes, 1);
  });

  it("reads any header that nghttp2 writes", async (t) => {
    const { port } = await scene(t);
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    t.after(() => session.destroy());
    const value = fc.string({
      unit: fc
        .integer({ min: 0x21, max: 0xff })
        .filter((code) => code !== 0x7f)
        .map((code) => String.fromCharCode(code)),
      minLength: 1,
    });
    const all = Array.from({ length: 255 - 0x20 }, (_, index) => String.fromCharCode(index + 0x21))
      .join("")
      .replace("\x7f", "");
    const ask = async (text: string) => {
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: "POST",
        [constants.HTTP2_HEADER_PATH]: "/test.Test/Headers",
        "content-type": "application/grpc",
        "x-value": text,
      });
      stream.end();
      const chunks: Buffer[] = await stream.toArray();
      const headers = new Map<string, string>(JSON.parse(Buffer.concat(chunks).subarray(5).toString("latin1")));
      return headers.get("x-value");
    };
    assert.equal(await ask(all), all);
    await fc.assert(
      fc.asyncProperty(value, async (text) => assert.equal(await ask(text), text)),
      { numRuns: 50 },
    );
  });
});

describe("mutual TLS", () => {
  const tls = { cert: tlsFile("server.pem"), key: tlsFile("server.key"), ca: CLIENT_CERTIFICATE };
  const ca = Buffer.from(tlsFile("ca.pem"));
  const key = Buffer.from(tls.key);

  it("serves clients whose certificate is signed by the authority", async (t) => {
    const { client } = await scene(t, { tls }, credentials.createSsl(ca, key, Buffer.from(CLIENT_CERTIFICATE)));
    const big = Buffer.alloc(1_000_000, 7);
    assert.ok(big.equals((await unary(client, "Echo", big)) as Buffer));
  });

  const REFUSED = [
    { name: "without a certificate", in: credentials.createSsl(ca) },
    { name: "with one that somebody else signed", in: credentials.createSsl(ca, key, Buffer.from(tls.cert)) },
    { name: "without TLS", in: credentials.createInsecure() },
  ];
  for (const { name, in: security } of REFUSED) {
    it(`refuses clients ${name}`, async (t) => {
      const { client, services } = await scene(t, { tls }, security);
      assert.equal((await failure(client, "Echo"))[0], GRPC_STATUS.unavailable);
      assert.ok(services.errors.length > 0);
      assert.equal(services.closes, 0);
    });
  }
});

describe("listening", () => {
  function socketPath(t: TestContext): string {
    const folder = mkdtempSync(join(tmpdir(), "grpc-"));
    t.after(() => rmSync(folder, { recursive: true }));
    return join(folder, "socket");
  }

  function serverOn(t: TestContext): GrpcServer {
    const server = createGrpcServer(new Services().methods, { onError: () => undefined });
    t.after(() => server.close(0));
    return server;
  }

  async function occupied(t: TestContext, address: GrpcAddress): Promise<Server> {
    const other = createServer().listen(address);
    await once(other, "listening");
    t.after(() => other.close());
    return other;
  }

  it("serves on a Unix socket for the group, and removes it when closed", async (t) => {
    const path = socketPath(t);
    const server = serverOn(t);
    assert.equal(await server.listen({ path }), 0);
    assert.equal(statSync(path).mode & 0o777, 0o775);
    const client = clientOf(t, `unix:${path}`);
    assert.deepEqual(await unary(client, "Echo", Buffer.from("hello")), Buffer.from("hello"));
    await server.close(0);
    assert.throws(() => statSync(path), { code: "ENOENT" });
  });

  it("replaces a Unix socket that nobody listens on", async (t) => {
    const path = socketPath(t);
    // What a process that was killed leaves behind.
    const killed = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    assert.throws(() => execFileSync(process.execPath, ["-e", killed]), { signal: "SIGKILL" });
    assert.ok(statSync(path).isSocket());
    assert.equal(await serverOn(t).listen({ path }), 0);
  });

  it("rejects with EADDRINUSE where somebody listens", async (t) => {
    const path = socketPath(t);
    await occupied(t, { path });
    await assert.rejects(serverOn(t).listen({ path }), { code: "EADDRINUSE" });
    const address = (await occupied(t, LOOPBACK)).address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    await assert.rejects(serverOn(t).listen({ host: "127.0.0.1", port }), { code: "EADDRINUSE" });
  });
});

describe("closing", () => {
  it("lets calls end, and then the connections", async (t) => {
    const { client, server, services } = await scene(t);
    const call = client.makeBidiStreamRequest("/test.Test/Echo", same, same);
    call.write(Buffer.from("a"));
    await once(call, "data");
    const closed = server.close(60_000);
    call.end(Buffer.from("b"));
    assert.deepEqual(await call.toArray(), [Buffer.from("b")]);
    await closed;
    assert.deepEqual([server.connections, services.closes], [0, 1]);
  });

  it("destroys what has not ended in time", async (t) => {
    const { client, server, services } = await scene(t);
    const call = client.makeBidiStreamRequest("/test.Test/Silent", same, same);
    const failed = once(call, "error");
    call.on("data", () => undefined);
    call.write(Buffer.from("a"));
    await until(() => server.streams === 1);
    await server.close(0);
    assert.deepEqual([server.connections, server.streams, services.closes], [0, 0, 1]);
    // With which status, depends on what the client sees first of the end.
    await failed;
  });

  it("is done at once when it never listened", async () => {
    await createGrpcServer(new Map(), { onError: () => undefined }).close(60_000);
  });
});
