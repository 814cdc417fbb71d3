/** One listening socket that speaks HTTP/1.1 and HTTP/2 (prior knowledge), told apart by the first bytes, in clear text or
 * over TLS. */
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Listener } from "../config/runtime-config.ts";
import { Call } from "./call.ts";
import type { Caller } from "./caller.ts";
import type { EmbeddedHost } from "./host.ts";
import { HEAD_TIMEOUT_MS } from "./http1/connection.ts";
import { HEAD_BYTES_MAX } from "./http1/request-head.ts";
import { Http1Server } from "./http1/server.ts";
import { Http2Caller } from "./http2-caller.ts";
import { TlsListener } from "./listener-tls.ts";
import { refuse } from "./refuse.ts";

/** The first bytes of an HTTP/2 connection (RFC 9113 section 3.4) that no HTTP/1 method shares. */
const HTTP2_PREFACE = Buffer.from("PRI ");

/** An open listener. */
export interface ListeningServer {
  readonly port: number;
  /** Serves another listener at this port from now on; it must be like the first in having TLS or none. */
  reload(listener: Listener): void;
  /** Takes no more connections and closes idle ones; the others close after the answer they are in. */
  close(): void;
  /** Ends every connection. */
  destroy(): void;
}

/** What an open port serves; a reload replaces it. */
interface Serving {
  listener: Listener;
}

/** Opens a listener; rejects with Node's error, e.g. EADDRINUSE. */
export function listen(host: EmbeddedHost, listener: Listener, address: string): Promise<ListeningServer> {
  const serving = { listener };
  const tls = listener.tls && new TlsListener(listener.tls);
  // Callers who have ended their side may still be told why their request was refused.
  const server = tls?.server ?? createServer({ allowHalfOpen: true, noDelay: true });
  const http1 = http1Server(host, serving);
  const http2 = http2Server(host, serving);
  const sessions = new Set<ServerHttp2Session>();
  http2.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  const event = tls === undefined ? "connection" : "secureConnection";
  const silent = tellApart(server, event, (socket, first, isHttp2) => {
    if (!isHttp2) {
      http1.accept(socket, first);
      return;
    }
    socket.unshift(first);
    http2.emit("connection", socket);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(listener.port, address, () => {
      server.removeListener("error", reject);
      resolve({
        port: (server.address() as AddressInfo).port,
        reload: (next) => {
          serving.listener = next;
          if (next.tls !== undefined) tls?.present(next.tls);
        },
        close: () => {
          server.close();
          http1.close();
          for (const socket of silent) socket.destroy();
          for (const session of sessions) session.close();
        },
        destroy: () => {
          http1.destroy();
          for (const session of sessions) session.destroy();
        },
      });
    });
  });
}

function http1Server(host: EmbeddedHost, serving: Serving): Http1Server {
  return new Http1Server({
    bodyBytesMax: () => serving.listener.bodyBytesMax,
    serve: (caller: Caller) => new Call(host, serving.listener.name, caller).start(),
    refuse: (error) => refuse(host, serving.listener.name, error),
    nowMs: host.context.nowMs,
  });
}

function http2Server(host: EmbeddedHost, serving: Serving): Http2Server {
  const server = createHttp2Server({ maxHeaderListPairs: 256, settings: { maxHeaderListSize: HEAD_BYTES_MAX } });
  const serve = (request: Http2ServerRequest, response: Http2ServerResponse, expectsContinue: boolean) => {
    const { name, bodyBytesMax } = serving.listener;
    new Call(host, name, new Http2Caller(request, response, { bodyBytesMax, expectsContinue })).start();
  };
  server.on("request", (request, response) => serve(request, response, false));
  server.on("checkContinue", (request, response) => serve(request, response, true));
  // A session that breaks the protocol is closed by node:http2; its requests end through their responses.
  server.on("sessionError", () => undefined);
  return server;
}

/**
 * Looks at the first bytes of each connection, and passes them on with it.
 *
 * @returns The connections that have not sent any yet.
 */
function tellApart(
  server: Server,
  event: "connection" | "secureConnection",
  pass: (socket: Socket, first: Buffer, isHttp2: boolean) => void,
): ReadonlySet<Socket> {
  const silent = new Set<Socket>();
  server.on(event, (socket: Socket) => {
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
      if (first === null) socket.destroy();
      else pass(socket, first, first.subarray(0, HTTP2_PREFACE.length).equals(HTTP2_PREFACE));
    });
  });
  return silent;
}
