import assert from "node:assert/strict";
import { test } from "node:test";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { bytesKey, doubleKey, ProtobufReader, ProtobufWriter, varintKey } from "./protobuf.ts";

const numbers = fc.oneof(
  fc.nat({ max: 300 }),
  fc.maxSafeNat(),
  fc.constantFrom(127, 128, 16383, 16384, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
);

test("numbers of every size come back, and are written as the generated code writes them", () => {
  fc.assert(
    fc.property(numbers, fc.integer({ min: 1, max: 2 ** 28 - 1 }), (value, field) => {
      const writer = new ProtobufWriter(16);
      writer.varint(field, value);
      const bytes = writer.finish();
      const reader = new ProtobufReader(bytes);
      assert.deepEqual([reader.key(), reader.varint(), reader.key()], [varintKey(field), value, 0]);
      assert.deepEqual(bytes, Buffer.from(new BinaryWriter().tag(field, 0).uint64(BigInt(value)).finish()));
    }),
  );
});

test("texts, bytes, doubles and nested messages come back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.uint8Array(), fc.double(), (text, bytes, number) => {
      const writer = new ProtobufWriter(64 + text.length * 3 + bytes.length);
      const end = writer.open();
      writer.double(3, number);
      writer.bytes(2, bytes);
      writer.close(200, end);
      writer.string(1, text);
      const reader = new ProtobufReader(writer.finish());
      const read: unknown[] = [];
      reader.eachField((key) => {
        if (key === bytesKey(1)) read.push(reader.string());
        else {
          read.push(key);
          reader.eachNestedField((inner) => read.push(inner === doubleKey(3) ? reader.double() : [...reader.view()]));
        }
      });
      assert.deepEqual(read, [Buffer.from(text).toString(), bytesKey(200), [...bytes], number]);
    }),
  );
});

test("a string of bytes is written one byte for each character", () => {
  const writer = new ProtobufWriter(8);
  writer.latin1(1, "a\u00ff\u0000");
  assert.deepEqual([...new BinaryReader(writer.finish().subarray(1)).bytes()], [0x61, 0xff, 0]);
  assert.throws(() => new ProtobufWriter(8).latin1(1, "a\u010a"), { name: "ProtobufError", message: /one byte/ });
});

test("a message longer than its room is an error, not a loss", () => {
  const tooLong: readonly ((writer: ProtobufWriter) => void)[] = [
    (writer) => writer.varint(1, 300),
    (writer) => writer.latin1(1, "abc"),
    (writer) => writer.string(1, "abc"),
    (writer) => writer.bytes(1, Buffer.from("abc")),
    (writer) => writer.double(1, 1),
  ];
  for (const write of tooLong) {
    const writer = new ProtobufWriter(2);
    assert.throws(() => {
      write(writer);
      writer.finish();
    });
  }
});

const malformed: readonly { name: string; in: readonly number[]; want: RegExp }[] = [
  { name: "a key cut off", in: [0x80], want: /cut off number at byte 0/ },
  { name: "a number without end", in: [8, ...Array<number>(11).fill(0xff)], want: /overlong number at byte 1/ },
  { name: "a field numbered 0", in: [2, 0], want: /field key 2/ },
  { name: "a field number too large", in: [0x80, 0x80, 0x80, 0x80, 0x10, 0], want: /field key 4294967296/ },
  { name: "a length beyond the end", in: [10, 5, 1, 2], want: /field of 5 bytes at byte 2, where 2 are left/ },
  { name: "a huge length", in: [10, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], want: /field of \d+ bytes/ },
  { name: "a double cut off", in: [9, 1, 2, 3], want: /cut off after byte 4/ },
  { name: "a float cut off", in: [13, 1, 2, 3], want: /cut off after byte 4/ },
  { name: "a group", in: [11, 12], want: /wire type 3/ },
  { name: "a wire type that does not exist", in: [14], want: /wire type 6/ },
];
for (const { name, in: bytes, want } of malformed) {
  test(`refuses ${name}`, () => {
    const reader = new ProtobufReader(Uint8Array.from(bytes));
    assert.throws(() => reader.eachField((key) => reader.skip(key)), { name: "ProtobufError", message: want });
  });
}

test("a nested message cannot read past its own end", () => {
  // Field 1 of two bytes, in which a field claims three; enough bytes follow.
  const reader = new ProtobufReader(Uint8Array.from([10, 2, 10, 3, 1, 2, 3]));
  assert.throws(() => reader.eachField(() => reader.eachNestedField((key) => reader.skip(key))), /3 bytes at byte 4/);
});
