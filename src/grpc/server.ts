/**
 * The gRPC server that Envoy talks to: external processing, discovery, rate limits. Made for trusted peers that bring a
 * stream per request and end it by resetting it: docs/decisions/2026-11-21-grpc-server.md.
 */
import { chmodSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type ListenOptions, type Server } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer, Server as TlsServer } from "node:tls";
import { invariant } from "../errors/invariant.ts";
import { Admissions } from "./admission.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import type { GrpcMethods } from "./grpc.ts";

const MESSAGE_BYTES_MAX = 128 * 1024 * 1024;
const QUEUED_BYTES_MAX = 512 * 1024 * 1024;
/** An Envoy of the same group may connect, nobody else. */
const SOCKET_MODE = 0o775;
/** After how much silence the system asks whether a peer is still there; on one machine its death is known at once. */
const KEEP_ALIVE_MS = 30_000;

/** Where to listen: a Unix socket, or an address and a port (0: one that is free). */
export type GrpcAddress =
  | {
      readonly path: string;
      /**
       * Whether no other worker process listens there. Then nobody accepts connections for a worker that has ended or is not ready:
       * the primary process of node:cluster would, and leave them without an answer.
       */
      readonly exclusive?: boolean;
    }
  | { readonly host: string; readonly port: number };

/** PEM: the server's certificate and key, and the CA that has signed those of its peers. */
export interface GrpcTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** Settings of a server. */
export interface GrpcServerOptions {
  /** Undefined = clear text. Peers must show a certificate. */
  readonly tls?: GrpcTls | undefined;
  /** Largest message taken, 128 MiB unless told. */
  readonly messageBytesMax?: number;
  /** A peer that leaves more than this unread is disconnected, 512 MiB unless told. */
  readonly queuedBytesMax?: number;
  /** Told what a handler throws, and why a TLS handshake failed. */
  readonly onError: (error: unknown) => void;
}

/** A gRPC server. */
export interface GrpcServer {
  /**
   * Begins to listen; a Unix socket that nobody listens on any more is replaced.
   *
   * @returns The port, 0 for a Unix socket. Rejects with Node's error, e.g. EADDRINUSE.
   */
  listen(address: GrpcAddress): Promise<number>;
  /** Uses other certificates for connections made from now on; throws, and keeps the old ones, when they do not fit together. */
  setTls(tls: GrpcTls): void;
  /** Takes no more connections and calls, lets the calls end for so long, and then destroys what is left. */
  close(drainMs: number): Promise<void>;
  /** Number of open connections. */
  readonly connections: number;
  /** Number of calls under way. */
  readonly streams: number;
}

/** Makes a server of these methods; it does not listen yet. */
export function createGrpcServer(methods: GrpcMethods, options: GrpcServerOptions): GrpcServer {
  return new Http2GrpcServer(methods, options);
}

class Http2GrpcServer implements GrpcServer, ConnectionOwner {
  readonly admissions: Admissions;
  readonly messageBytesMax: number;
  readonly queuedBytesMax: number;
  readonly #onError: (error: unknown) => void;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  /** Set when nothing listens any more. */
  #whenEmpty: (() => void) | undefined;

  constructor(methods: GrpcMethods, options: GrpcServerOptions) {
    this.admissions = new Admissions(methods);
    this.messageBytesMax = options.messageBytesMax ?? MESSAGE_BYTES_MAX;
    this.queuedBytesMax = options.queuedBytesMax ?? QUEUED_BYTES_MAX;
    this.#onError = options.onError;
    this.#server = makeServer(options, (socket) => this.#connections.add(new Connection(this, socket)));
  }

  get connections(): number {
    return this.#connections.size;
  }

  get streams(): number {
    let count = 0;
    for (const connection of this.#connections) count += connection.streams;
    return count;
  }

  async listen(address: GrpcAddress): Promise<number> {
    if (!("path" in address)) {
      await open(this.#server, address);
      return (this.#server.address() as AddressInfo).port;
    }
    const { path, exclusive = false } = address;
    try {
      await open(this.#server, { path, exclusive });
    } catch (error) {
      if (!(await isStale(path))) throw error;
      rmSync(path, { force: true });
      await open(this.#server, { path, exclusive });
    }
    chmodSync(path, SOCKET_MODE);
    return 0;
  }

  setTls(tls: GrpcTls): void {
    invariant(this.#server instanceof TlsServer, "a server in clear text has no certificates");
    this.#server.setSecureContext(tls);
  }

  close(drainMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        for (const connection of this.#connections) connection.destroy();
        resolve();
      }, drainMs);
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      // Node may say that no socket is left before it tells the last of them; and it says so when it never listened.
      this.#server.close(() => {
        if (this.#connections.size === 0) done();
        else this.#whenEmpty = done;
      });
      for (const connection of this.#connections) connection.drain();
    });
  }

  failed(error: unknown): void {
    this.#onError(error);
  }

  closed(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#whenEmpty?.();
  }
}

function makeServer(options: GrpcServerOptions, accept: (socket: Duplex) => void): Server {
  const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  const { tls } = options;
  if (tls === undefined) return createServer(socketOptions, accept);
  const mutual = { ...tls, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ["h2"] };
  const server = createTlsServer({ ...socketOptions, ...mutual }, accept);
  server.on("tlsClientError", (cause) => options.onError(new Error("a TLS handshake failed", { cause })));
  return server;
}

function open(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

/** Whether a path is a Unix socket that nobody listens on. */
function isStale(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.on("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.on("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
  });
}
