/** How a connection to one endpoint is opened: TCP or Unix socket, with or without TLS. */
import { connect, type NetConnectOpts, type OnReadOpts, type Socket } from "node:net";
import type { UpstreamEndpoint } from "../../config/runtime-config.ts";
import { AddressBook } from "./address-book.ts";
import type { TlsSettings } from "./tls.ts";

/** Silence after which the kernel probes a connection: a model may think for minutes, and middle boxes forget sooner. */
const TCP_KEEPALIVE_MS = 30_000;

const READ_BYTES = 64 * 1024;
/** One for all connections: a read fills it and is taken out of it before the next. Windows fills it in advance. */
const SHARED_READ_BUFFER = process.platform === "win32" ? undefined : Buffer.allocUnsafeSlow(READ_BYTES);

/** Opens connections to one endpoint. */
export class Dial {
  readonly endpoint: UpstreamEndpoint;
  readonly connectTimeoutMs: number;
  readonly #tls: TlsSettings | undefined;
  readonly #target: NetConnectOpts;

  constructor(
    endpoint: UpstreamEndpoint,
    tls: TlsSettings | undefined,
    timing: { connectTimeoutMs: number; nowMs: () => number },
  ) {
    this.endpoint = endpoint;
    this.connectTimeoutMs = timing.connectTimeoutMs;
    this.#tls = tls;
    const { host, port, unixPath } = endpoint;
    if (unixPath !== undefined) this.#target = { path: unixPath };
    else this.#target = { host: host ?? "localhost", port, lookup: new AddressBook(timing.nowMs).lookup };
  }

  /** The socket's event from which on it may be written to. */
  get readyEvent(): "connect" | "secureConnect" {
    return this.#tls === undefined ? "connect" : "secureConnect";
  }

  get scheme(): "http" | "https" {
    return this.#tls === undefined ? "http" : "https";
  }

  /**
   * Starts a connection; its failure is an `error` event.
   *
   * @param read Takes what each read brings instead of `data` events, in memory that is written anew by the next read.
   */
  open(read?: (bytes: Buffer) => void): Socket {
    const target = read === undefined ? this.#target : { ...this.#target, onread: onRead(read) };
    const socket = this.#tls === undefined ? connect(target) : this.#tls.connect(target);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    return socket;
  }
}

/** Reading into one buffer spares an allocation of 64 KiB and a `Readable`'s work per chunk: 7 % of a relayed chunk. */
function onRead(read: (bytes: Buffer) => void): OnReadOpts {
  const buffer = SHARED_READ_BUFFER ?? Buffer.allocUnsafeSlow(READ_BYTES);
  return {
    buffer,
    callback: (length) => {
      read(buffer.subarray(0, length));
      return true;
    },
  };
}
