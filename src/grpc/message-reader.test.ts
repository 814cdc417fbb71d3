import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { GRPC_STATUS } from "./grpc.ts";
import { MessageReader } from "./message-reader.ts";
import { prefixed, uint32 } from "./scripted-client.ts";

const LIMIT = 1000;

function readAll(pieces: readonly Buffer[]): { messages: string[]; partial: boolean } {
  const reader = new MessageReader(LIMIT);
  const messages: string[] = [];
  for (const piece of pieces) {
    reader.load(piece, 0, piece.length);
    for (let message = reader.next(); message !== undefined; message = reader.next()) {
      messages.push(Buffer.from(message).toString("latin1"));
    }
  }
  return { messages, partial: reader.partial };
}

describe("the message reader", () => {
  it("reads the same messages however the bytes are cut", () => {
    const texts = fc.array(fc.string({ unit: "binary-ascii", maxLength: 30 }), { maxLength: 6 });
    const cuts = fc.array(fc.nat(200), { maxLength: 12 });
    fc.assert(
      fc.property(texts, cuts, (list, where) => {
        const bytes = Buffer.concat(list.map(prefixed));
        const ends = [...where.map((at) => Math.min(at, bytes.length)), bytes.length].sort((a, b) => a - b);
        const pieces = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
        assert.deepEqual(readAll(pieces), { messages: list, partial: false });
      }),
    );
  });

  it("takes a message of the largest size, in its own memory when it comes in pieces", () => {
    const bytes = prefixed(Buffer.alloc(LIMIT, "x"));
    assert.deepEqual(readAll([bytes.subarray(0, 500), bytes.subarray(500)]).messages, ["x".repeat(LIMIT)]);
  });

  const UNFINISHED = [
    { name: "a prefix", in: prefixed("abc").subarray(0, 3) },
    { name: "a message", in: prefixed("abc").subarray(0, 7) },
    { name: "a message without a byte", in: prefixed("abc").subarray(0, 5) },
  ];
  for (const { name, in: bytes } of UNFINISHED) {
    it(`knows that ${name} is not whole`, () => {
      assert.deepEqual(readAll([prefixed("first"), bytes]), { messages: ["first"], partial: true });
    });
  }

  const REFUSED = [
    { name: "a message above the limit", in: [0, LIMIT + 1], want: GRPC_STATUS.resourceExhausted },
    { name: "a length of 4 GiB", in: [0, 0xffffffff], want: GRPC_STATUS.resourceExhausted },
    { name: "a compressed message", in: [1, 3], want: GRPC_STATUS.internal },
  ];
  for (const { name, in: prefix, want } of REFUSED) {
    it(`refuses ${name} by its prefix`, () => {
      const [flag = 0, length = 0] = prefix;
      const bytes = Buffer.concat([Buffer.of(flag), uint32(length)]);
      assert.throws(() => readAll([bytes]), { status: want });
      assert.throws(() => readAll([bytes.subarray(0, 2), bytes.subarray(2)]), { status: want });
    });
  }
});
