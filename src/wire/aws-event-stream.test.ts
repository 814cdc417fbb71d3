import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";
import { EventStreamCodec, Int64, type Message, type MessageHeaderValue } from "@smithy/eventstream-codec";
import fc from "fast-check";
import { GatewayError } from "../errors/gateway-error.ts";
import {
  EventStreamDecoder,
  type EventStreamMessage,
  type EventStreamValue,
  encodeEventStreamMessage,
  encodeEventStreamText,
  eventStreamText,
} from "./aws-event-stream.ts";

function decode(...chunks: readonly Uint8Array[]): EventStreamMessage[] {
  const decoder = new EventStreamDecoder();
  const messages = chunks.flatMap((chunk) => [...decoder.push(chunk)]);
  assert.equal(decoder.isInsideMessage, false);
  return messages;
}

function plain({ headers, payload }: EventStreamMessage): object {
  return { headers: Object.fromEntries(headers), payload: payload.toString("hex") };
}

/** A message of given parts, with right checksums whatever the lengths say. */
function forge(total: number, headersLength: number, rest: Buffer): Buffer {
  const prelude = Buffer.alloc(12);
  prelude.writeUInt32BE(total, 0);
  prelude.writeUInt32BE(headersLength, 4);
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
  const all = Buffer.concat([prelude, rest, Buffer.alloc(4)]);
  all.writeUInt32BE(crc32(all.subarray(0, -4)), all.length - 4);
  return all;
}

const DAY_MS = 86_400_000n;

/** AWS's own codec, as the clients of their services have it. */
const oracle = new EventStreamCodec(
  (bytes) => Buffer.from(bytes).toString(),
  (text) => Buffer.from(text),
);

/** A message in the oracle's words. */
function asOracle({ headers, payload }: Sent): Message {
  const values = Object.entries(headers).map(([name, header]) => [name, oracleValue(header)] as const);
  return { headers: Object.fromEntries(values), body: payload };
}

interface Sent {
  readonly headers: Readonly<Record<string, EventStreamValue>>;
  readonly payload: Uint8Array;
}

/** The same with its bytes in one class, whichever of them it had. */
function canonical({ headers, body }: Message): object {
  const values = Object.entries(headers).map(([name, { type, value }]) => {
    if (value instanceof Uint8Array) return [name, { type, value: Buffer.from(value) }] as const;
    if (value instanceof Int64) return [name, { type, value: Buffer.from(value.bytes) }] as const;
    return [name, { type, value }] as const;
  });
  return { headers: Object.fromEntries(values), body: Buffer.from(body) };
}

function oracleValue(header: EventStreamValue): MessageHeaderValue {
  switch (header.type) {
    case "long": {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64BE(header.value);
      return { type: "long", value: new Int64(bytes) };
    }
    case "timestamp":
      return { type: "timestamp", value: new Date(Number(header.value)) };
    default:
      return header;
  }
}

const vectors: readonly { name: string; in: string; headers: Record<string, EventStreamValue>; payload: string }[] = [
  {
    name: "a message with neither headers nor payload",
    in: "000000100000000005c248eb7d98c8ff",
    headers: {},
    payload: "",
  },
  {
    name: "a message with a payload only",
    in: "0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936",
    headers: {},
    payload: "{'foo':'bar'}",
  },
  {
    name: "a message with a 32-bit header",
    in: "0000002d0000001041c424b80a6576656e742d74797065040000a00c7b27666f6f273a27626172277d36f480a0",
    headers: { "event-type": { type: "integer", value: 40972 } },
    payload: "{'foo':'bar'}",
  },
];

describe("event stream messages", () => {
  for (const { name, in: hex, headers, payload } of vectors) {
    it(`reads and writes ${name}`, () => {
      const bytes = Buffer.from(hex, "hex");
      assert.deepEqual(decode(bytes).map(plain), [{ headers, payload: Buffer.from(payload).toString("hex") }]);
      assert.deepEqual(encodeEventStreamMessage(headers, payload), bytes);
    });
  }

  const value: fc.Arbitrary<EventStreamValue> = fc.oneof(
    fc.boolean().map((value) => ({ type: "boolean", value }) as const),
    fc.integer({ min: -128, max: 127 }).map((value) => ({ type: "byte", value }) as const),
    fc.integer({ min: -32768, max: 32767 }).map((value) => ({ type: "short", value }) as const),
    fc.integer().map((value) => ({ type: "integer", value }) as const),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ type: "long", value }) as const),
    // As far as dates of JavaScript's go, which is how the oracle has them.
    fc
      .bigInt({ min: -(10n ** 8n) * DAY_MS, max: 10n ** 8n * DAY_MS })
      .map((value) => ({ type: "timestamp", value }) as const),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ type: "binary", value: Buffer.from(bytes) }) as const),
    fc.string({ unit: "grapheme" }).map((value) => ({ type: "string", value }) as const),
    fc.uuid().map((value) => ({ type: "uuid", value }) as const),
  );
  const name = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => text !== "__proto__");
  const message = fc.record({
    headers: fc.dictionary(name, value, { maxKeys: 6, noNullPrototype: true }),
    payload: fc.uint8Array({ maxLength: 80 }),
  });

  it("reads every type of header, however the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 50 })), (messages, sizes) => {
        const stream = Buffer.concat(
          messages.map(({ headers, payload }) => encodeEventStreamMessage(headers, payload)),
        );
        const chunks: Buffer[] = [];
        let at = 0;
        for (const size of [...sizes, stream.length]) {
          // Chunks of their own memory, as sockets give them.
          chunks.push(Buffer.from(stream.subarray(at, at + size)));
          at += size;
        }
        assert.deepEqual(
          decode(...chunks).map(plain),
          messages.map(({ headers, payload }) => ({ headers, payload: Buffer.from(payload).toString("hex") })),
        );
      }),
    );
  });

  it("reads a message that comes byte by byte, and keeps it while the next one comes", () => {
    const stream = Buffer.concat(["one", "two"].map((text) => encodeEventStreamText({ ":event-type": "chunk" }, text)));
    const messages = decode(...Array.from(stream, (byte) => Buffer.of(byte)));
    assert.deepEqual(
      messages.map((message) => [eventStreamText(message, ":event-type"), message.payload.toString()]),
      [
        ["chunk", "one"],
        ["chunk", "two"],
      ],
    );
  });

  it("writes what AWS's codec writes, and reads it", () => {
    fc.assert(
      fc.property(message, ({ headers, payload }) => {
        const encoded = Buffer.from(oracle.encode(asOracle({ headers, payload })));
        assert.deepEqual(encodeEventStreamMessage(headers, payload), encoded);
        assert.deepEqual(decode(encoded).map(plain), [{ headers, payload: Buffer.from(payload).toString("hex") }]);
      }),
    );
  });

  it("writes what AWS's codec reads", () => {
    fc.assert(
      fc.property(message, ({ headers, payload }) => {
        const read = oracle.decode(encodeEventStreamMessage(headers, payload));
        assert.deepEqual(canonical(read), canonical(asOracle({ headers, payload })));
      }),
    );
  });

  it("refuses every message with a wrong byte, as AWS's codec does", () => {
    const wrong = fc.record({ message, at: fc.nat(), difference: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(wrong, ({ message: { headers, payload }, at, difference }) => {
        const bad = encodeEventStreamMessage(headers, payload);
        bad.writeUInt8(bad.readUInt8(at % bad.length) ^ difference, at % bad.length);
        assert.throws(() => oracle.decode(bad));
        assert.throws(() => decode(bad), isInvalid);
      }),
    );
  });

  it("takes no part of a message for a whole one, as AWS's codec does not", () => {
    fc.assert(
      fc.property(message, fc.nat(), ({ headers, payload }, length) => {
        const whole = encodeEventStreamMessage(headers, payload);
        const part = whole.subarray(0, length % whole.length);
        const decoder = new EventStreamDecoder();
        assert.deepEqual([...decoder.push(part)], []);
        assert.equal(decoder.isInsideMessage, part.length > 0);
        assert.throws(() => oracle.decode(part));
      }),
    );
  });

  it("refuses a stream in which any bit was turned", () => {
    const good = encodeEventStreamText({ ":message-type": "event" }, '{"a":1}');
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = Buffer.from(good);
      bad.writeUInt8(bad.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.throws(() => decode(bad), isInvalid);
    }
  });

  const hostile = [
    { name: "a length shorter than a message can be", in: forge(15, 0, Buffer.alloc(0)) },
    { name: "headers longer than the message", in: forge(17, 2, Buffer.alloc(1)) },
    { name: "a message over the size cap, before it has come", in: forge(0xffff_ffff, 0, Buffer.alloc(0)) },
    { name: "headers over their cap", in: forge(1_000_000, 200_000, Buffer.alloc(0)) },
    { name: "an unknown header type", in: forge(19, 3, Buffer.of(1, 0x61, 10)) },
    { name: "a header without its type", in: forge(18, 2, Buffer.of(1, 0x61)) },
    { name: "a header name that goes on past the headers", in: forge(18, 2, Buffer.of(9, 0x61)) },
    { name: "a header value that goes on past the headers", in: forge(22, 6, Buffer.of(1, 0x61, 7, 0, 9, 0x61)) },
  ];
  for (const { name, in: bytes } of hostile) {
    it(`refuses ${name}`, () => assert.throws(() => decode(bytes), isInvalid));
  }

  it("gives what comes before a fault in the same chunk", () => {
    const good = encodeEventStreamText({}, "one");
    const taken: string[] = [];
    assert.throws(() => {
      const stream = Buffer.concat([good, forge(15, 0, Buffer.alloc(0))]);
      for (const { payload } of new EventStreamDecoder().push(stream)) taken.push(payload.toString());
    }, isInvalid);
    assert.deepEqual(taken, ["one"]);
  });

  it("knows that a stream stops inside a message", () => {
    const decoder = new EventStreamDecoder();
    assert.deepEqual([...decoder.push(encodeEventStreamText({}, "x").subarray(0, 5))], []);
    assert.equal(decoder.isInsideMessage, true);
  });
});

function isInvalid(error: unknown): boolean {
  return error instanceof GatewayError && error.code === "upstream_invalid";
}
