/** The caller's side of a case: sends well-formed requests and exact bytes, and reports everything that came back. */
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import type { HttpRequest } from "./case.ts";

/** What the caller got. */
export interface Seen {
  /** 0 = no answer. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whether the answer's transport ended as HTTP says it must. */
  readonly whole: boolean;
}

const NOTHING: Seen = { status: 0, headers: {}, body: "", whole: false };
const TIMEOUT_MS = 10_000;

/** Sends a request on a connection of its own. `asked` settles when the provider got it. */
export async function send(url: string, spec: HttpRequest, id: string, asked: () => Promise<unknown>): Promise<Seen> {
  if (spec.http2) return sendHttp2(url, spec, id);
  const body = encodeBody(spec.body);
  const headers: Record<string, string> = { "x-request-id": id, ...spec.headers };
  if (body !== undefined && spec.chunked === undefined) headers["content-length"] = String(body.length);
  const { promise, resolve, reject } = Promise.withResolvers<Seen>();
  const { hostname, port } = new URL(url);
  const request = httpRequest({
    hostname,
    port,
    path: spec.path,
    method: spec.method ?? "POST",
    headers,
    agent: false,
  });
  request.setTimeout(TIMEOUT_MS, () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
  let answered = false;
  let left = false;
  const leave = (): void => {
    left = true;
    request.destroy();
    resolve(NOTHING);
  };
  request.on("response", (response) => {
    answered = true;
    response.on("data", (chunk: Buffer) => {
      const isTime = spec.leaves === "after-first-bytes" || chunk.includes("data: [DONE]\n\n");
      if (spec.leaves !== undefined && isTime) leave();
    });
    void read(response).then(resolve);
  });
  // A gateway that refuses a body may close while it is being sent; the answer has come by then.
  request.on("error", (error) => (answered || left ? undefined : reject(error)));
  if (body === undefined) request.end();
  else request.end(body);
  if (spec.leaves === "when-provider-was-asked") {
    await asked();
    leave();
  }
  return promise;
}

async function sendHttp2(url: string, spec: HttpRequest, id: string): Promise<Seen> {
  const session = connectHttp2(url);
  session.setTimeout(TIMEOUT_MS, () => session.destroy());
  const head = { ":method": spec.method ?? "POST", ":path": spec.path, "x-request-id": id, ...spec.headers };
  const stream = session.request(head);
  const chunks: Buffer[] = [];
  let headers: Record<string, string> = {};
  stream.on("response", (received) => {
    headers = Object.fromEntries(Object.entries(received).map(([name, value]) => [name, String(value)]));
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  // A stream that is reset closes with an error; its code is looked at below.
  stream.on("error", () => undefined);
  stream.end(encodeBody(spec.body));
  await new Promise((resolve) => stream.once("close", resolve));
  session.close();
  const whole = stream.rstCode === 0 && stream.readableEnded;
  return { status: Number(headers[":status"] ?? 0), headers, body: Buffer.concat(chunks).toString(), whole };
}

/** Sends exact bytes and reads until the gateway closes the connection. */
export async function sendRaw(url: string, bytes: string): Promise<Seen> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  // The gateway may close while it is still being written to.
  socket.on("error", () => undefined);
  socket.write(Buffer.from(bytes, "latin1"));
  await new Promise((resolve) => socket.once("close", resolve));
  const [head = "", ...rest] = Buffer.concat(chunks).toString().split("\r\n\r\n");
  const [statusLine = "", ...lines] = head.split("\r\n");
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(statusLine)?.[1] ?? 0);
  return { status, headers: Object.fromEntries(headers), body: rest.join("\r\n\r\n"), whole: true };
}

/** The bytes of a case's body. */
function encodeBody(body: HttpRequest["body"]): Buffer | undefined {
  if (body === undefined || Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

function read(response: IncomingMessage): Promise<Seen> {
  const chunks: Buffer[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  // An answer that is cut closes with an error; whether it was whole is asked below.
  response.on("error", () => undefined);
  return new Promise((resolve) => {
    response.once("close", () => {
      const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
      resolve({
        status: response.statusCode ?? 0,
        headers: Object.fromEntries(headers),
        body: Buffer.concat(chunks).toString(),
        whole: response.complete,
      });
    });
  });
}
