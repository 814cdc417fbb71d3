import { Socket, type SocketConstructorOpts } from "node:net";
import type { Http1Connection } from "./connection.ts";

const READ_BYTES = 64 * 1024;
/** One for all connections: a read fills it and is taken out of it before the next. Windows fills it in advance. */
const SHARED_READ_BUFFER = process.platform === "win32" ? undefined : Buffer.allocUnsafeSlow(READ_BYTES);

/** The system's side of a socket, as Node's own servers have it; not in its documentation. */
type Handle = SocketConstructorOpts["handle"] & { readonly useUserBuffer: unknown };

/**
 * Makes a connection of a socket, and lets it read.
 *
 * Node has `onread`, reading into memory of one's own, for connections it opens, but not for those it accepts. What it has
 * accepted is therefore put into a new socket: no allocation of 64 KiB and no `Readable`'s work per read, and big bodies are
 * read straight into their place. Where that cannot be done (TLS), `data` events do.
 */
export function readFrom(accepted: Socket, connect: (socket: Socket) => Http1Connection): Http1Connection {
  const handle = takeHandle(accepted);
  if (handle === undefined || SHARED_READ_BUFFER === undefined) {
    const connection = connect(accepted);
    accepted.on("data", (bytes: Buffer) => connection.read(bytes));
    return connection;
  }
  const shared = SHARED_READ_BUFFER;
  let connection: Http1Connection | undefined;
  let target: Buffer = shared;
  const options: SocketConstructorOpts = {
    handle,
    allowHalfOpen: true,
    onread: {
      buffer: () => {
        target = connection?.room() ?? shared;
        return target;
      },
      callback: (length: number) => {
        if (target === shared) connection?.read(shared.subarray(0, length));
        else connection?.readInto(length);
        return true;
      },
    },
  };
  const socket = new Socket(options);
  // The server counts it until it is closed.
  socket.on("close", () => accepted.destroy());
  connection = connect(socket);
  return connection;
}

/** Takes the system's side out of a socket of Node's own; undefined where there is none to be had. */
function takeHandle(accepted: Socket): Handle | undefined {
  if (accepted.constructor !== Socket) return undefined;
  const owner = accepted as unknown as { _handle: Handle | null | undefined };
  const handle = owner._handle;
  if (typeof handle?.useUserBuffer !== "function") return undefined;
  owner._handle = null;
  return handle;
}
