/** What can go wrong with a provider's answer: one table from a fault's name to what it does to the reply. */
import { buffer } from "node:stream/consumers";
import { createBrotliCompress, createDeflate, createGzip, createZstdCompress } from "node:zlib";
import { encodeEventStreamText } from "../wire/aws-event-stream.ts";
import { byteLength, type Delivery, encodeChunk, encodeHead, type Reply } from "./reply.ts";
import { EVENT_STREAM } from "./shape.ts";

/** Where the usage stands in an answer, and whether it is true. */
export type UsageShape = "normal" | "none" | "last-choice" | "lies";

interface Fault {
  /** One line for the help text. */
  readonly says: string;
  /** Change of the answer's content, made before it is rendered. */
  readonly usage?: UsageShape;
  /** What becomes of the rendered reply; absent = it is sent as it is. */
  readonly deliver?: (reply: Reply) => Delivery | Promise<Delivery>;
}

const HTML = Buffer.from(
  "<!doctype html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n",
);
const SECOND_RESPONSE = Buffer.from("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\r\npoison");
const HUGE_HEADER_BYTES = 128 * 1024;
const BIG_EVENT_BYTES = 10 * 1024 * 1024;
const DRIP_PAUSE_MS = 20;

/** Every fault by name. */
export const FAULTS = {
  "reset-before-headers": { says: "resets the connection unanswered", deliver: () => socket([], "reset") },
  "close-before-headers": { says: "closes the connection unanswered", deliver: () => socket([], "close") },
  hang: { says: "never answers", deliver: () => socket([], "hang") },
  "reset-mid-body": { says: "resets after half of the body", deliver: (reply) => cutOff(reply, "reset") },
  "reset-mid-stream": { says: "resets after half of the events", deliver: (reply) => cutOff(reply, "reset") },
  "close-mid-stream": { says: "closes after half of the events", deliver: (reply) => cutOff(reply, "close") },
  "hang-mid-stream": { says: "falls silent after half of the events", deliver: (reply) => cutOff(reply, "hang") },
  "hang-after-stream": {
    says: "sends every event and never ends the body",
    deliver: (reply) => socket([chunkedHead(reply), ...reply.pieces.map(encodeChunk)], "hang"),
  },
  "truncated-json": { says: "ends in the middle of the JSON", deliver: (reply) => http(reply, [firstHalf(reply)]) },
  "truncated-stream": {
    says: "ends cleanly in the middle of an event",
    deliver: (reply) => http(reply, midEvent(reply)),
  },
  "unfinished-stream": {
    says: "ends cleanly between two events, unfinished",
    deliver: (reply) => http(reply, reply.pieces.slice(0, Math.ceil(reply.pieces.length / 2))),
  },
  "no-done": { says: "leaves out the last event", deliver: (reply) => http(reply, reply.pieces.slice(0, -1)) },
  html: {
    says: "answers 200 with a web page",
    deliver: (reply) => http({ ...setHeader(reply, "content-type", "text/html"), stream: false }, [HTML]),
  },
  empty: { says: "answers with an empty body", deliver: (reply) => http({ ...reply, stream: false }, []) },
  null: { says: "answers null", deliver: (reply) => http(asJson(reply), [Buffer.from("null")]) },
  array: { says: "answers []", deliver: (reply) => http(asJson(reply), [Buffer.from("[]")]) },
  gzip: { says: "compresses with gzip", deliver: (reply) => compress(reply, "gzip") },
  deflate: { says: "compresses with deflate (zlib)", deliver: (reply) => compress(reply, "deflate") },
  br: { says: "compresses with brotli", deliver: (reply) => compress(reply, "br") },
  zstd: { says: "compresses with zstandard", deliver: (reply) => compress(reply, "zstd") },
  mislabelled: {
    says: "says content-type text/plain",
    deliver: (reply) => http(setHeader(reply, "content-type", "text/plain"), reply.pieces),
  },
  "mislabelled-encoding": {
    says: "says content-encoding gzip and does not compress",
    deliver: (reply) => http(setHeader(reply, "content-encoding", "gzip"), reply.pieces),
  },
  "wrong-length": { says: "content-length too long, then closes", deliver: (reply) => misframe(reply, 10) },
  "length-too-short": { says: "content-length too short", deliver: (reply) => misframe(reply, -10) },
  "second-response": {
    says: "sends a second response nobody asked for",
    deliver: (reply) => socket([framed(reply, [length(reply)]), SECOND_RESPONSE], "hang"),
  },
  "duplicate-content-length": {
    says: "two content-lengths that differ",
    deliver: (reply) => socket([framed(reply, [length(reply), length(reply) + 1])], "close"),
  },
  "length-and-chunked": {
    says: "content-length and chunked together",
    deliver: (reply) => socket([framed(setHeader(reply, "transfer-encoding", "chunked"), [length(reply)])], "close"),
  },
  "bad-chunk": {
    says: "a chunk size that is no number",
    deliver: (reply) => socket([chunkedHead(reply), Buffer.from("zz\r\n")], "close"),
  },
  "not-http": { says: "answers in no HTTP", deliver: () => socket([Buffer.from("+OK ready\r\n")], "close") },
  "switching-protocols": {
    says: "answers 101 unasked",
    deliver: () => socket([encodeHead(101, ["connection", "upgrade", "upgrade", "websocket"])], "close"),
  },
  interim: {
    says: "sends 100 and 103 before the answer",
    deliver: (reply) =>
      socket(
        [encodeHead(100, []), encodeHead(103, ["link", "</x>; rel=preload"]), framed(reply, [length(reply)])],
        "close",
      ),
  },
  "huge-headers": {
    says: "a response header of 128 KiB",
    deliver: (reply) => http(setHeader(reply, "x-huge", "h".repeat(HUGE_HEADER_BYTES)), reply.pieces),
  },
  redirect: {
    says: "redirects to another host",
    deliver: (reply) => http({ ...setHeader(reply, "location", "http://169.254.169.254/"), status: 307 }, []),
  },
  "slow-drip": {
    says: "sends byte by byte, chunk-delay-ms (or 20 ms) apart",
    deliver: (reply) => ({ ...http(reply, bytewise(reply)), pauseMs: DRIP_PAUSE_MS }),
  },
  bytewise: { says: "sends every byte in a chunk of its own", deliver: (reply) => http(reply, bytewise(reply)) },
  "sse-crlf": { says: "ends lines of a stream with CRLF", deliver: (reply) => http(reply, withCrlf(reply)) },
  "sse-comments": {
    says: "a BOM, comments, retry and unknown events between the events",
    deliver: (reply) =>
      isFramed(reply)
        ? http(reply, reply.pieces)
        : http(reply, [Buffer.from("\ufeff: hello\n\nretry: 1000\n\nevent: unknown\ndata: {}\n\n"), ...reply.pieces]),
  },
  "bad-sse-json": {
    says: "an event whose JSON is cut",
    deliver: (reply) => http(reply, insert(reply, 'data: {"id":"chatcmpl-1","choices":[{"ind\n\n')),
  },
  "bad-crc": { says: "turns a bit of a checksum of AWS's frames", deliver: (reply) => http(reply, badCrc(reply)) },
  "big-event": {
    says: "an event of 10 MiB",
    deliver: (reply) => http(reply, insert(reply, `data: {"padding":"${"x".repeat(BIG_EVENT_BYTES)}"}\n\n`)),
  },
  "in-band-error": { says: "answers 200 with an error in the body", deliver: inBandError },
  "no-usage": { says: "leaves the usage out", usage: "none" },
  "usage-on-last-choice": { says: "usage on the last chunk that has a choice", usage: "last-choice" },
  "usage-lies": { says: "negative, fractional and textual token counts", usage: "lies" },
} as const satisfies Record<string, Fault>;

/** The name of a fault. */
export type FaultName = keyof typeof FAULTS;

/** Whether there is a fault of that name. */
export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(FAULTS, name);
}

/** The fault of a name; undefined = an ordinary answer. */
export function findFault(name: FaultName | undefined): Fault {
  return name === undefined ? { says: "nothing" } : FAULTS[name];
}

/** The delivery of a reply that nothing is wrong with. */
export function http(reply: Reply, pieces: readonly Buffer[]): Extract<Delivery, { how: "http" }> {
  return { how: "http", reply: { ...reply, pieces }, pauseMs: 0 };
}

function socket(writes: readonly Buffer[], end: "reset" | "close" | "hang"): Delivery {
  return { how: "socket", writes, end };
}

function cutOff(reply: Reply, end: "reset" | "close" | "hang"): Delivery {
  if (!reply.stream) {
    const head = encodeHead(reply.status, [...reply.headers, "content-length", String(length(reply))]);
    return socket([head, firstHalf(reply)], end);
  }
  const half = reply.pieces.slice(0, Math.ceil(reply.pieces.length / 2));
  return socket([chunkedHead(reply), ...half.map(encodeChunk)], end);
}

function misframe(reply: Reply, by: number): Delivery {
  return socket([framed(reply, [length(reply) + by])], "close");
}

function framed(reply: Reply, lengths: readonly number[]): Buffer {
  const headers = lengths.flatMap((value) => ["content-length", String(value)]);
  return Buffer.concat([encodeHead(reply.status, [...reply.headers, ...headers]), ...reply.pieces]);
}

function chunkedHead(reply: Reply): Buffer {
  return encodeHead(reply.status, [...reply.headers, "transfer-encoding", "chunked"]);
}

function length(reply: Reply): number {
  return byteLength(reply.pieces);
}

function firstHalf(reply: Reply): Buffer {
  const whole = Buffer.concat(reply.pieces);
  return whole.subarray(0, Math.floor(whole.length / 2));
}

function midEvent(reply: Reply): Buffer[] {
  const middle = Math.floor(reply.pieces.length / 2);
  return reply.pieces
    .slice(0, middle + 1)
    .map((piece, i) => (i === middle ? piece.subarray(0, Math.floor(piece.length / 2)) : piece));
}

function bytewise(reply: Reply): Buffer[] {
  return Array.from(Buffer.concat(reply.pieces), (byte) => Buffer.of(byte));
}

function withCrlf(reply: Reply): Buffer[] {
  if (isFramed(reply)) return [...reply.pieces];
  return reply.pieces.map((piece) => Buffer.from(piece.toString().replaceAll(/\r?\n/g, "\r\n")));
}

/** Puts an event in the middle of a stream; it becomes the whole of another answer. */
function insert(reply: Reply, event: string): Buffer[] {
  if (!reply.stream) return [Buffer.from(event)];
  const middle = Math.ceil(reply.pieces.length / 2);
  const piece = isFramed(reply) ? encodeEventStreamText(DELTA, event) : Buffer.from(event);
  return [...reply.pieces.slice(0, middle), piece, ...reply.pieces.slice(middle)];
}

const DELTA = { ":event-type": "contentBlockDelta", ":content-type": "application/json", ":message-type": "event" };

/** Whether the pieces are AWS's frames and no lines. */
function isFramed(reply: Reply): boolean {
  return reply.stream && reply.headers.includes(EVENT_STREAM);
}

function badCrc(reply: Reply): readonly Buffer[] {
  if (!isFramed(reply)) return reply.pieces;
  const middle = Math.floor(reply.pieces.length / 2);
  return reply.pieces.map((piece, i) => (i === middle ? turnLastBit(piece) : piece));
}

function turnLastBit(piece: Buffer): Buffer {
  const turned = Buffer.from(piece);
  turned.writeUInt8(turned.readUInt8(turned.length - 1) ^ 1, turned.length - 1);
  return turned;
}

/** Anthropic's readers take this body for an error by `type`, OpenAI's by `error`; other vendors bring their own. */
function inBandError(reply: Reply): Delivery {
  const body = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded","code":"overloaded"}}';
  const { errorPiece } = reply;
  if (!reply.stream) return http(reply, [errorPiece ?? Buffer.from(body)]);
  const half = reply.pieces.slice(0, Math.ceil(reply.pieces.length / 2));
  if (errorPiece !== undefined) return http(reply, [...half, errorPiece]);
  if (isFramed(reply)) return http(reply, [...half, encodeEventStreamText(EXCEPTION, '{"message":"Overloaded"}')]);
  return http(reply, [...half, Buffer.from(`event: error\ndata: ${body}\n\n`)]);
}

const EXCEPTION = {
  ":exception-type": "serviceUnavailableException",
  ":content-type": "application/json",
  ":message-type": "exception",
};

function asJson(reply: Reply): Reply {
  return { ...setHeader(reply, "content-type", "application/json"), stream: false };
}

function setHeader(reply: Reply, name: string, value: string): Reply {
  const headers = reply.headers.filter((_, i) => reply.headers[i - (i % 2)] !== name);
  return { ...reply, headers: [...headers, name, value] };
}

const COMPRESSORS = {
  gzip: createGzip,
  deflate: createDeflate,
  br: createBrotliCompress,
  zstd: createZstdCompress,
} as const;

/** Compresses a reply as one stream, flushed after every piece as a server does that does not hold events back. */
async function compress(reply: Reply, encoding: keyof typeof COMPRESSORS): Promise<Delivery> {
  const compressor = COMPRESSORS[encoding]();
  const pieces: Buffer[] = [];
  for (const piece of reply.pieces) {
    compressor.write(piece);
    await new Promise<void>((resolve) => compressor.flush(() => resolve()));
    pieces.push(...drain(compressor));
  }
  compressor.end();
  pieces.push(await buffer(compressor));
  return http(setHeader(reply, "content-encoding", encoding), pieces);
}

function* drain(source: { read(): Buffer | null }): Generator<Buffer> {
  for (let piece = source.read(); piece !== null; piece = source.read()) yield piece;
}
