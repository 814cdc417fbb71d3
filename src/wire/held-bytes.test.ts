import assert from "node:assert/strict";
import { it } from "node:test";
import { HeldBytes } from "./held-bytes.ts";

it("gives what is held and what was added since as one", () => {
  const held = new HeldBytes();
  held.hold(Buffer.from("ab"));
  assert.equal(held.append(Buffer.from("c")).toString(), "abc");
  assert.equal(held.append(Buffer.from("def")).toString(), "abcdef");
  assert.equal(held.length, 6);
  assert.equal(held.take().toString(), "abcdef");
  assert.equal(held.length, 0);
  assert.equal(held.take().toString(), "");
});

it("begins anew with what it is told to hold", () => {
  const held = new HeldBytes();
  held.append(Buffer.from("long gone"));
  held.hold(Buffer.from("a"));
  assert.equal(held.append(Buffer.from("b")).toString(), "ab");
});

it("refers to what it is told to hold, and writes neither to it nor behind it", () => {
  const chunk = Buffer.from("abcd");
  const held = new HeldBytes();
  held.hold(chunk.subarray(1, 2));
  assert.equal(held.take().buffer, chunk.buffer);
  held.hold(chunk.subarray(1, 2));
  assert.equal(held.append(Buffer.from("xyz")).toString(), "bxyz");
  assert.equal(chunk.toString(), "abcd");
});

it("does not write to what it gave once the rest of it is held", () => {
  const held = new HeldBytes();
  held.append(Buffer.from("a"));
  // The second one leaves room behind the bytes.
  const given = held.append(Buffer.from("bcd"));
  held.hold(given.subarray(2));
  assert.equal(held.append(Buffer.from("xy")).toString(), "cdxy");
  assert.equal(given.toString(), "abcd");
});

it("moves what is held seldom, as it grows in small chunks", () => {
  const held = new HeldBytes();
  // Larger than Buffers that share their memory with others.
  held.hold(Buffer.alloc(64 * 1024));
  const chunk = Buffer.from("x");
  const memories = new Set<ArrayBufferLike>();
  for (let i = 0; i < 100_000; i++) memories.add(held.append(chunk).buffer);
  assert.equal(memories.size, 3);
});
