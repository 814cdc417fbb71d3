import { Socket, type SocketConstructorOpts } from "node:net";

/** The system's side of a socket, as Node's own servers have it; not in its documentation. */
type Handle = SocketConstructorOpts["handle"] & { readonly useUserBuffer: unknown };

/** Takes what a socket reads. */
export interface ReadTarget {
  /** Memory for the next read. */
  readonly buffer: () => Buffer;
  /** So many bytes have been read into it. */
  readonly read: (length: number) => void;
}

/**
 * Makes a connection that a server of Node's has accepted read into memory of one's own; undefined where that cannot be done
 * (TLS, Windows, a Node that has it otherwise), and the socket is as it was.
 *
 * Node has `onread` for this, but only for connections it opens. What it has accepted is therefore put into a new socket: no
 * allocation of 64 KiB and no `Readable`'s work per read.
 */
export function readAccepted(accepted: Socket, { buffer, read }: ReadTarget): Socket | undefined {
  const handle = takeHandle(accepted);
  if (handle === undefined) return undefined;
  const onread = {
    buffer,
    callback: (length: number) => {
      read(length);
      return true;
    },
  };
  const socket = new Socket({ handle, allowHalfOpen: true, onread } as SocketConstructorOpts);
  // The server counts it until it is closed.
  socket.on("close", () => accepted.destroy());
  return socket;
}

/** Takes the system's side out of a socket of Node's own; undefined where there is none to be had. */
function takeHandle(accepted: Socket): Handle | undefined {
  // Windows fills the memory of a read in advance.
  if (accepted.constructor !== Socket || process.platform === "win32") return undefined;
  const owner = accepted as unknown as { _handle: Handle | null | undefined };
  const handle = owner._handle;
  if (typeof handle?.useUserBuffer !== "function") return undefined;
  owner._handle = null;
  return handle;
}
