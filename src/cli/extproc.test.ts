/** `aigw extproc` as its users run it: as a process, asked over gRPC. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect } from "node:tls";
import { type ChannelCredentials, Client, credentials } from "@grpc/grpc-js";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const EXAMPLE = new URL("../../examples/openai/openai.yaml", import.meta.url).pathname;
const TLS = new URL("../../testdata/tls/", import.meta.url).pathname;

const START_MS = 15_000;

const started: ChildProcess[] = [];
let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "aigw-extproc-"));
});
after(() => {
  // What a failed test has left.
  for (const child of started) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Processor {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  /** What it says about where it listens. */
  readonly where: string;
  stop(): Promise<number | null>;
}

/** Starts the command; rejects with what it printed when it ends before it listens. */
async function start(...args: readonly string[]): Promise<Processor> {
  const child = spawn(process.execPath, [MAIN, "extproc", EXAMPLE, "--admin-port", "0", ...args], {
    env: { PATH: process.env["PATH"], OPENAI_API_KEY: "k", AIGW_RUNTIME_DIR: folder },
    stdio: ["ignore", "ignore", "pipe"],
  });
  started.push(child);
  let stderr = "";
  const where = await new Promise<string>((resolve, reject) => {
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      const said = /external processor listening on (.+)\n[\s\S]*admin on/.exec(stderr)?.[1];
      if (said !== undefined) resolve(said);
    });
    child.on("close", () => reject(new Error(stderr)));
    setTimeout(() => reject(new Error(`it did not get ready: ${stderr}`)), START_MS).unref();
  });
  const stop = async () => {
    const ended = once(child, "close");
    child.kill("SIGTERM");
    await ended;
    return child.exitCode;
  };
  return { child, stderr: () => stderr, where, stop };
}

/** The status that the health service answers with: 1 = SERVING. */
async function health(target: string, channel: ChannelCredentials, options = {}): Promise<number> {
  const client = new Client(target, channel, options);
  try {
    return await new Promise((resolve, reject) => {
      const same = (bytes: Buffer) => bytes;
      const path = "/grpc.health.v1.Health/Check";
      const deadline = Date.now() + 5_000;
      client.makeUnaryRequest(path, same, same, Buffer.alloc(0), { deadline }, (error, answer) => {
        if (error === null && answer !== undefined) resolve(answer[1] ?? 0);
        else reject(error ?? new Error("no answer"));
      });
    });
  } finally {
    client.close();
  }
}

/** The name in the certificate that a processor shows to an Envoy which shows `client.pem`. */
async function shown(port: number): Promise<string | undefined> {
  const [key, cert] = ["server.key", "client.pem"].map((name) => readFileSync(TLS + name));
  const socket = connect({ host: "127.0.0.1", port, key, cert, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
  try {
    // The preface of HTTP/2: what is answered to it tells that the certificate was taken (RFC 9113 section 3.4).
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00");
    const answered = once(socket, "data");
    const ended = once(socket, "close").then(() => Promise.reject(new Error("closed")));
    await Promise.race([answered, ended]);
    return String(socket.getPeerCertificate().subject.CN);
  } finally {
    socket.destroy();
  }
}

/** Resolves when its processes have said something so many times. */
async function seen({ child, stderr }: Processor, marker: RegExp, times: number): Promise<void> {
  const signal = AbortSignal.timeout(START_MS);
  while (stderr().match(marker)?.length !== times) {
    assert.ok(child.stderr);
    await once(child.stderr, "data", { signal });
  }
}

test("it listens on a Unix socket, answers health checks, and leaves nothing behind", async () => {
  const socket = join(folder, "one.sock");
  const processor = await start("--listen", `unix:${socket}`, "--workers", "1");
  assert.equal(processor.where, `unix:${socket}`);
  assert.equal(await health(`unix:${socket}`, credentials.createInsecure()), 1);
  const admin = /admin on (\S+)/.exec(processor.stderr())?.[1];
  assert.match(await (await fetch(`${admin}/metrics`)).text(), /^aigw_build_info/m);
  assert.equal(await processor.stop(), 0);
  assert.deepEqual(readdirSync(folder), []);
});

test("a socket that is in use is told; one that was left by a killed process is replaced, by several at once", async () => {
  const socket = join(folder, "used.sock");
  const first = await start("--listen", `unix:${socket}`, "--workers", "1");
  await assert.rejects(start("--listen", `unix:${socket}`, "--workers", "1"), /used\.sock is in use: choose another/);
  const ended = once(first.child, "close");
  first.child.kill("SIGKILL");
  await ended;
  assert.ok(existsSync(socket));
  const second = await start("--listen", `unix:${socket}`, "--workers", "2");
  assert.equal(await health(`unix:${socket}`, credentials.createInsecure()), 1);
  assert.equal(await second.stop(), 0);
});

test("with certificates only those whom the CA knows may ask", async () => {
  const files = ["--tls-cert", `${TLS}server.pem`, "--tls-key", `${TLS}server.key`, "--tls-ca", `${TLS}client.pem`];
  const processor = await start("--listen", "127.0.0.1:0", "--workers", "1", ...files);
  const [, target = ""] = /^(\S+) \(mutual TLS\)$/.exec(processor.where) ?? [];
  const [ca, key, cert] = ["ca.pem", "server.key", "client.pem"].map((name) => readFileSync(TLS + name));
  assert.ok(ca && key && cert);
  const named = { "grpc.ssl_target_name_override": "localhost" };
  assert.equal(await health(target, credentials.createSsl(ca, key, cert), named), 1);
  await assert.rejects(health(target, credentials.createSsl(ca), named));
  await assert.rejects(health(target, credentials.createInsecure()));
  await processor.stop();
});

test("certificates that are renewed are shown to new connections, those that do not fit together are not", async () => {
  const [cert, key, ca] = ["renewed.pem", "renewed.key", "renewed-ca.pem"].map((name) => join(folder, name));
  assert.ok(cert && key && ca);
  for (const [from, to] of [
    ["client.pem", cert],
    ["server.key", key],
    ["client.pem", ca],
  ] as const) {
    copyFileSync(TLS + from, to);
  }
  const files = ["--tls-cert", cert, "--tls-key", key, "--tls-ca", ca];
  const processor = await start("--listen", "127.0.0.1:0", "--workers", "2", ...files);
  const port = Number(/:(\d+) \(mutual TLS\)$/.exec(processor.where)?.[1]);
  const changed = (marker: RegExp) => seen(processor, marker, 2);
  assert.equal(await shown(port), "envoy");
  copyFileSync(`${TLS}server.pem`, cert);
  await changed(/new certificates are used/g);
  assert.equal(await shown(port), "server");
  copyFileSync(`${TLS}gateway-a.pem`, cert);
  await changed(/new certificates cannot be used/g);
  assert.equal(await shown(port), "server");
  // Whom it trusts is renewed, too.
  copyFileSync(`${TLS}server.pem`, cert);
  copyFileSync(`${TLS}backend-ca.pem`, ca);
  await seen(processor, /new certificates are used/g, 4);
  await assert.rejects(shown(port), /alert|reset|closed/i);
  assert.equal(await processor.stop(), 0);
});

test("certificate, key and CA belong together", async () => {
  await assert.rejects(start("--tls-cert", "c.pem"), /--tls-cert, --tls-key and --tls-ca belong together/);
});

test("a file with a fault does not start it", async () => {
  const path = join(folder, "faulty.yaml");
  writeFileSync(path, "kind: [");
  await assert.rejects(start(path), /faulty\.yaml:1:\d+: /);
});
