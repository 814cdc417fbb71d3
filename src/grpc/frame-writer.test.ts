import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import fc from "fast-check";
import { FrameWriter } from "./frame-writer.ts";
import { FRAME } from "./frames.ts";
import { frame, prefixed, uint32 } from "./scripted-client.ts";

/** What reaches the socket. */
function written(write: (writer: FrameWriter) => void): Buffer {
  const writer = new FrameWriter();
  const socket = new PassThrough({ highWaterMark: 16 * 1024 * 1024 });
  write(writer);
  writer.flush(socket);
  assert.equal(writer.empty, true);
  return socket.read();
}

describe("the frame writer", () => {
  it("writes frames one behind the other", () => {
    const got = written((writer) => {
      writer.frame(FRAME.ping, 1, 0, Buffer.from("12345678"));
      writer.number(FRAME.windowUpdate, 0x12345679, 0xffffff);
      writer.message(3, Buffer.from("hello"));
    });
    const want = [
      frame(FRAME.ping, 1, 0, Buffer.from("12345678")),
      frame(FRAME.windowUpdate, 0, 0x12345679, uint32(0xffffff)),
      frame(FRAME.data, 0, 3, prefixed("hello")),
    ];
    assert.deepEqual(got, Buffer.concat(want));
  });

  it("writes any messages, whether they are copied or passed on where they are", () => {
    const sizes = fc.array(
      fc.oneof(fc.nat(40), fc.integer({ min: 8180, max: 8200 }), fc.integer({ max: 70_000, min: 0 })),
      {
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(sizes, (list) => {
        const messages = list.map((size, index) => Buffer.alloc(size, index + 1));
        const got = written((writer) => {
          for (const message of messages) writer.message(1, message);
          writer.number(FRAME.reset, 1, 0);
        });
        const want = messages.map((message) => frame(FRAME.data, 0, 1, prefixed(message)));
        assert.ok(got.equals(Buffer.concat([...want, frame(FRAME.reset, 0, 1, uint32(0))])));
      }),
      { numRuns: 50 },
    );
  });

  it("writes a message in parts that are cut anywhere, its prefix too", () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 14 }), { maxLength: 6 });
    fc.assert(
      fc.property(cuts, (list) => {
        const message = Buffer.from("0123456789");
        const whole = prefixed(message);
        const ends = [...new Set([...list, whole.length])].sort((a, b) => a - b);
        const starts = [0, ...ends];
        const got = written((writer) => {
          for (const [index, end] of ends.entries()) {
            const start = starts[index] ?? 0;
            writer.part(1, message, start, end - start);
          }
        });
        const want = ends.map((end, index) => frame(FRAME.data, 0, 1, whole.subarray(starts[index], end)));
        assert.deepEqual(got, Buffer.concat(want));
      }),
    );
  });

  it("does not write again what the socket has got", () => {
    const writer = new FrameWriter();
    const socket = new PassThrough();
    writer.number(FRAME.reset, 1, 0);
    writer.flush(socket);
    const first: Buffer = socket.read();
    writer.number(FRAME.reset, 3, 0);
    writer.flush(socket);
    assert.deepEqual([first, socket.read()], [frame(3, 0, 1, uint32(0)), frame(3, 0, 3, uint32(0))]);
  });
});
