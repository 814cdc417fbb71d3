/** One listening socket that speaks HTTP/1.1 and clear-text HTTP/2 (prior knowledge), told apart by the first bytes. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Listener } from "../config/runtime-config.ts";
import { Call, type Response } from "./call.ts";
import type { EmbeddedHost } from "./host.ts";
import { refuse } from "./refuse.ts";

/** Largest head of a request, as Envoy takes by default. */
const HEAD_BYTES_MAX = 60 * 1024;
/** Longest wait for the head of a request. */
const HEAD_TIMEOUT_MS = 10_000;
/** Longer than the load balancers in front keep a connection idle, so that they close it and not we. */
const KEEP_ALIVE_MS = 75_000;
/** The first bytes of an HTTP/2 connection (RFC 9113 section 3.4) that no HTTP/1 method shares. */
const HTTP2_PREFACE = Buffer.from("PRI ");

/** An open listener. */
export interface ListeningServer {
  readonly port: number;
  /** Takes no more connections and closes idle ones; the others close after the answer they are in. */
  close(): void;
  /** Ends every connection. */
  destroy(): void;
}

/** Opens a listener; rejects with Node's error, e.g. EADDRINUSE. */
export function listen(host: EmbeddedHost, listener: Listener, address: string): Promise<ListeningServer> {
  const http1 = http1Server(host, listener);
  const http2 = http2Server(host, listener);
  const sessions = new Set<ServerHttp2Session>();
  http2.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  const silent = tellApart(http1, http2);
  return new Promise((resolve, reject) => {
    http1.once("error", reject);
    http1.listen(listener.port, address, () => {
      http1.removeListener("error", reject);
      resolve({
        port: (http1.address() as AddressInfo).port,
        close: () => {
          http1.close();
          http1.closeIdleConnections();
          for (const socket of silent) socket.destroy();
          for (const session of sessions) session.close();
        },
        destroy: () => {
          http1.closeAllConnections();
          for (const session of sessions) session.destroy();
        },
      });
    });
  });
}

function http1Server(host: EmbeddedHost, { bodyBytesMax }: Listener): Server {
  const serve = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => {
    if (host.draining) response.shouldKeepAlive = false;
    new Call(host, request, response as Response).start(bodyBytesMax, expectsContinue);
  };
  const server = createServer({
    maxHeaderSize: HEAD_BYTES_MAX,
    headersTimeout: HEAD_TIMEOUT_MS,
    // A long upload is legal; a stalled one is ended by the call's own limit.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Checked by the call, which answers and logs it like everything else.
    requireHostHeader: false,
    // Never Node's lenient parser: what it lets through, the next hop may read differently.
    insecureHTTPParser: false,
  });
  server.on("request", (request, response) => serve(request, response, false));
  server.on("checkContinue", (request, response) => serve(request, response, true));
  server.on("clientError", (error, socket) => refuse(host, error, socket));
  server.on("connect", (_request, socket) => refuse(host, new Error("CONNECT is not served"), socket));
  return server;
}

function http2Server(host: EmbeddedHost, { bodyBytesMax }: Listener): Http2Server {
  const server = createHttp2Server({ maxHeaderListPairs: 256, settings: { maxHeaderListSize: HEAD_BYTES_MAX } });
  const serve = (request: Http2ServerRequest, response: Http2ServerResponse, expectsContinue: boolean) => {
    new Call(host, request, response as unknown as Response).start(bodyBytesMax, expectsContinue);
  };
  server.on("request", (request, response) => serve(request, response, false));
  server.on("checkContinue", (request, response) => serve(request, response, true));
  // A session that breaks the protocol is closed by node:http2; its requests end through their responses.
  server.on("sessionError", () => undefined);
  return server;
}

/**
 * Puts a look at the first bytes before Node's own connection handler.
 *
 * @returns The connections that have not sent any yet, which neither server knows.
 */
function tellApart(http1: Server, http2: Http2Server): ReadonlySet<Socket> {
  const silent = new Set<Socket>();
  const [serveHttp1] = http1.listeners("connection") as ((socket: Socket) => void)[];
  http1.removeAllListeners("connection");
  http1.on("connection", (socket: Socket) => {
    const forget = () => {
      silent.delete(socket);
      socket.destroy();
    };
    silent.add(socket);
    socket.setTimeout(HEAD_TIMEOUT_MS, forget);
    socket.on("error", forget);
    socket.once("readable", () => {
      silent.delete(socket);
      socket.removeListener("error", forget);
      socket.setTimeout(0, forget);
      const first: Buffer | null = socket.read();
      if (first === null) {
        socket.destroy();
        return;
      }
      socket.unshift(first);
      if (first.subarray(0, HTTP2_PREFACE.length).equals(HTTP2_PREFACE)) http2.emit("connection", socket);
      else serveHttp1?.call(http1, socket);
    });
  });
  return silent;
}
