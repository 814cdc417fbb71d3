/** A reply before it goes on the wire, and the two ways it can go there. */
import type { ServerResponse } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

/** An HTTP answer without its framing. */
export interface Reply {
  readonly status: number;
  /** Alternating names and values, without content-length and transfer-encoding. */
  readonly headers: readonly string[];
  /** The body: one piece, or one piece for each event of a stream. */
  readonly pieces: readonly Buffer[];
  readonly stream: boolean;
  /** What reports an error inside an answer with status 200, where the vendor has a way of its own. */
  readonly errorPiece?: Buffer;
}

/** How a reply is put on the wire. */
export type Delivery =
  /** As a well-formed HTTP message. */
  | { readonly how: "http"; readonly reply: Reply; readonly pauseMs: number }
  /** As raw bytes on the socket, which no HTTP library would send; then the connection is reset, closed or left open. */
  | { readonly how: "socket"; readonly writes: readonly Buffer[]; readonly end: "reset" | "close" | "hang" };

/** The head of an HTTP/1.1 response as bytes. */
export function encodeHead(status: number, headers: readonly string[]): Buffer {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return Buffer.from(`${head}\r\n`, "latin1");
}

/** A body piece in chunked framing (RFC 9112 section 7.1). */
export function encodeChunk(piece: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]);
}

/** Sends a reply; `onSent` is called when everything that was to be sent has left, and never if the caller goes first. */
export function send(response: ServerResponse, delivery: Delivery, chunkDelayMs: number, onSent: () => void): void {
  if (delivery.how === "socket") {
    // Not the response's own: that one comes only when the answer before it on this connection is let go.
    const { socket } = response.req;
    if (response.req.httpVersionMajor === 2) resetStream(response, delivery.end, onSent);
    else sendRaw(socket, delivery, chunkDelayMs, onSent);
    return;
  }
  const { reply } = delivery;
  const { pieces } = reply;
  const headers = reply.stream ? reply.headers : [...reply.headers, "content-length", String(byteLength(pieces))];
  // node:http2 says "finish" of an answer that was cut off, too.
  response.once("finish", () => response.writableEnded && onSent());
  response.writeHead(reply.status, headers as string[]);
  const pauseMs = Math.max(delivery.pauseMs, chunkDelayMs);
  if (pauseMs === 0) {
    for (const piece of pieces) response.write(piece);
    response.end();
    return;
  }
  response.flushHeaders();
  let closed = false;
  response.once("close", () => {
    closed = true;
  });
  paced(pieces, pauseMs, {
    stopped: () => closed,
    write: (piece) => response.write(piece),
    end: () => response.end(),
  });
}

/** HTTP/2 has no bytes of its own for one answer: all that can be done to it is to end its stream. */
function resetStream(response: ServerResponse, end: "reset" | "close" | "hang", onSent: () => void): void {
  if (end === "hang") return;
  onSent();
  response.destroy();
}

function sendRaw(
  socket: Socket,
  delivery: Extract<Delivery, { how: "socket" }>,
  chunkDelayMs: number,
  onSent: () => void,
): void {
  paced(delivery.writes, chunkDelayMs, {
    stopped: () => socket.destroyed,
    write: (piece) => socket.write(piece),
    end: () => {
      if (delivery.end === "hang") return;
      // The empty write's callback comes after all bytes were given to the kernel: a reset must not overtake them.
      socket.write("", () => {
        onSent();
        if (delivery.end === "reset") socket.resetAndDestroy();
        else socket.end();
      });
    },
  });
}

interface Sink {
  readonly stopped: () => boolean;
  readonly write: (piece: Buffer) => void;
  readonly end: () => void;
}

/** Writes the pieces `pauseMs` apart, the first at once; 0 = all at once. */
function paced(pieces: readonly Buffer[], pauseMs: number, sink: Sink): void {
  let next = 0;
  const step = (): void => {
    do {
      if (sink.stopped()) return;
      const piece = pieces[next++];
      if (piece === undefined) {
        sink.end();
        return;
      }
      sink.write(piece);
    } while (pauseMs === 0);
    setTimeout(step, pauseMs);
  };
  step();
}

/** Length of all pieces together. */
export function byteLength(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}
