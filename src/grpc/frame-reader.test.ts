import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Frame, FrameReader, type FrameSink } from "./frame-reader.ts";
import { FLAG, FRAME, HTTP2_ERROR } from "./frames.ts";
import { frame, PREFACE } from "./scripted-client.ts";

/** Writes down frames; the pieces of a DATA frame become one. */
class Recorder implements FrameSink {
  readonly frames: string[] = [];
  #data = "";

  data({ bytes, start, end, last, stream, flags, length }: Frame): void {
    this.#data += bytes.toString("hex", start, end);
    if (!last) return;
    this.frames.push(`data ${stream} ${flags} ${length} ${this.#data}`);
    this.#data = "";
  }

  headers({ bytes, start, end, stream, flags }: Frame): void {
    this.frames.push(`headers ${stream} ${flags} ${bytes.toString("hex", start, end)}`);
  }

  control({ bytes, start, end, stream, flags, type }: Frame): void {
    this.frames.push(`${type} ${stream} ${flags} ${bytes.toString("hex", start, end)}`);
  }
}

function readInPieces(bytes: Buffer, cuts: readonly number[]): string[] {
  const recorder = new Recorder();
  const reader = new FrameReader(recorder);
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    // Copied: the reader must not depend on what becomes of the bytes later.
    const piece = Buffer.from(bytes.subarray(at, Math.max(at, cut)));
    reader.read(piece);
    piece.fill(0xee);
    at = Math.max(at, cut);
  }
  return recorder.frames;
}

const ALL_KINDS = Buffer.concat([
  PREFACE,
  frame(FRAME.settings, 0, 0, Buffer.from("000400100000", "hex")),
  frame(FRAME.headers, FLAG.endHeaders, 1, Buffer.from("828684", "hex")),
  frame(FRAME.data, 0, 1, Buffer.from("hello")),
  frame(FRAME.data, 0, 1),
  frame(FRAME.data, FLAG.padded, 1, Buffer.from("03abcd000000", "hex")),
  frame(FRAME.data, FLAG.padded, 1, Buffer.from("020000", "hex")),
  frame(FRAME.data, FLAG.padded, 1, Buffer.from("00", "hex")),
  frame(FRAME.priority, 0, 1, Buffer.from("0000000010", "hex")),
  frame(FRAME.headers, FLAG.padded | FLAG.priority, 3, Buffer.from("020000000010aabb0000", "hex")),
  frame(FRAME.continuation, 0, 3),
  frame(FRAME.continuation, FLAG.endHeaders, 3, Buffer.from("cc", "hex")),
  frame(0x77, 0xff, 9, Buffer.from("ignored")),
  frame(FRAME.ping, 0, 0, Buffer.from("12345678")),
  frame(FRAME.windowUpdate, 0, 0, Buffer.from("00000001", "hex")),
  frame(FRAME.data, FLAG.endStream, 3, Buffer.alloc(300, 7)),
  frame(FRAME.reset, 0, 1, Buffer.from("00000008", "hex")),
]);

const WANT = [
  "4 0 0 000400100000",
  "headers 1 4 828684",
  "data 1 0 5 68656c6c6f",
  "data 1 0 0 ",
  "data 1 8 6 abcd",
  "data 1 8 3 ",
  "data 1 8 1 ",
  "headers 3 44 aabbcc",
  "6 0 0 3132333435363738",
  "8 0 0 00000001",
  `data 3 1 300 ${"07".repeat(300)}`,
  "3 1 0 00000008",
];

describe("the frame reader", () => {
  it("reads every kind of frame", () => {
    assert.deepEqual(readInPieces(ALL_KINDS, []), WANT);
  });

  it("reads the same byte by byte", () => {
    const everywhere = Array.from(ALL_KINDS, (_, index) => index);
    assert.deepEqual(readInPieces(ALL_KINDS, everywhere), WANT);
  });

  it("reads the same however the bytes are cut", () => {
    const cuts = fc.array(fc.nat(ALL_KINDS.length), { maxLength: 20 }).map((list) => list.sort((a, b) => a - b));
    fc.assert(fc.property(cuts, (list) => assert.deepEqual(readInPieces(ALL_KINDS, list), WANT)));
  });

  it("passes a frame on with its last byte, not with the next frame's first", () => {
    const frames = [
      frame(FRAME.ping, 0, 0, Buffer.alloc(8)),
      frame(FRAME.data, 0, 1),
      frame(FRAME.data, 0, 1, Buffer.of(1)),
    ];
    const recorder = new Recorder();
    const reader = new FrameReader(recorder);
    reader.read(PREFACE);
    const counts = frames.map((bytes) => {
      for (const byte of bytes) reader.read(Buffer.of(byte));
      return recorder.frames.length;
    });
    assert.deepEqual(counts, [1, 2, 3]);
  });

  it("passes on what there is of a frame before the rest has come", () => {
    const recorder = new Recorder();
    const pieces: string[] = [];
    recorder.data = ({ bytes, start, end, last }) => pieces.push(`${bytes.toString("latin1", start, end)} ${last}`);
    const reader = new FrameReader(recorder);
    reader.read(Buffer.concat([PREFACE, frame(FRAME.data, 0, 1, Buffer.from("hello"))]).subarray(0, -2));
    reader.read(Buffer.from("lo"));
    assert.deepEqual(pieces, ["hel false", "lo true"]);
  });

  const headers = (bytes: number, flags = 0) => frame(FRAME.headers, flags, 1, Buffer.alloc(bytes));
  const continuation = (bytes: number, stream = 1) => frame(FRAME.continuation, 0, stream, Buffer.alloc(bytes));
  const headOf = (type: number) => Buffer.from([0x10, 0, 1, type, 0, 0, 0, 0, 1]);
  const HOSTILE = [
    { name: "HTTP/1.1", in: [Buffer.from("GET / HTTP/1.1\r\n\r\n")], want: HTTP2_ERROR.protocol },
    { name: "a preface that ends wrong", in: [PREFACE.subarray(0, 23), Buffer.from("x")], want: HTTP2_ERROR.protocol },
    { name: "DATA larger than we said", in: [PREFACE, headOf(FRAME.data)], want: HTTP2_ERROR.frameSize },
    { name: "an unknown frame as large", in: [PREFACE, headOf(0x77)], want: HTTP2_ERROR.frameSize },
    {
      name: "padding as long as the frame",
      in: [PREFACE, frame(0, 8, 1, Buffer.of(2, 0))],
      want: HTTP2_ERROR.protocol,
    },
    { name: "padding without its length", in: [PREFACE, frame(0, 8, 1)], want: HTTP2_ERROR.frameSize },
    { name: "more padding than HEADERS", in: [PREFACE, headers(1, 8 | 32)], want: HTTP2_ERROR.protocol },
    { name: "HEADERS on stream 0", in: [PREFACE, frame(1, 4, 0)], want: HTTP2_ERROR.protocol },
    { name: "CONTINUATION of nothing", in: [PREFACE, continuation(1)], want: HTTP2_ERROR.protocol },
    { name: "CONTINUATION of another", in: [PREFACE, headers(1), continuation(1, 3)], want: HTTP2_ERROR.protocol },
    { name: "DATA inside a header block", in: [PREFACE, headers(1), frame(0, 0, 1)], want: HTTP2_ERROR.protocol },
    { name: "an unknown frame inside one", in: [PREFACE, headers(1), frame(0x77, 0, 1)], want: HTTP2_ERROR.protocol },
    { name: "a large control frame", in: [PREFACE, headers(65 * 1024)], want: HTTP2_ERROR.enhanceYourCalm },
    {
      name: "a header block too large in all",
      in: [PREFACE, headers(40_000), continuation(40_000)],
      want: HTTP2_ERROR.enhanceYourCalm,
    },
    {
      name: "a flood of empty CONTINUATIONs",
      in: [PREFACE, headers(1), ...new Array<Buffer>(100).fill(continuation(0))],
      want: HTTP2_ERROR.enhanceYourCalm,
    },
  ];
  for (const { name, in: pieces, want } of HOSTILE) {
    it(`refuses ${name}`, () => {
      const reader = new FrameReader(new Recorder());
      assert.throws(() => reader.read(Buffer.concat(pieces)), { code: want });
    });
  }
});
