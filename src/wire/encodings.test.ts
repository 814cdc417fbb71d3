import assert from "node:assert/strict";
import { test } from "node:test";
import zlib from "node:zlib";
import type { GatewayError } from "../errors/gateway-error.ts";
import { createDecoder, type Decoder, isIdentity } from "./encodings.ts";

const TEXT = "The same sentence, over and over. ".repeat(400);

/** Feeds a decoder; resolves with what came out and how it ended. */
function decode(
  encoding: string,
  chunks: readonly Uint8Array[],
  maxBytes = 1e6,
): Promise<{ text: string; end: string }> {
  return new Promise((resolve) => {
    const out: Uint8Array[] = [];
    const finish = (end: string) => resolve({ text: Buffer.concat(out).toString(), end });
    const decoder = createDecoder(encoding, {
      maxBytes,
      onData: (bytes) => out.push(bytes),
      onEnd: () => finish("end"),
      onError: (error) => finish(`${error.code}: ${error.message}`),
    });
    for (const chunk of chunks) decoder.write(chunk);
    decoder.end();
  });
}

function bytesOf(buffer: Buffer): Uint8Array[] {
  return Array.from(buffer, (_, i) => buffer.subarray(i, i + 1));
}

const encodings = [
  { name: "gzip", encoded: zlib.gzipSync(TEXT) },
  { name: "x-gzip", encoded: zlib.gzipSync(TEXT) },
  { name: "deflate", encoded: zlib.deflateSync(TEXT) },
  { name: "br", encoded: zlib.brotliCompressSync(TEXT) },
  { name: "zstd", encoded: zlib.zstdCompressSync(TEXT) },
  { name: "GZIP", encoded: zlib.gzipSync(TEXT) },
  { name: "gzip, br", encoded: zlib.brotliCompressSync(zlib.gzipSync(TEXT)) },
  { name: "br ,identity, , zstd", encoded: zlib.zstdCompressSync(zlib.brotliCompressSync(TEXT)) },
  { name: "identity", encoded: Buffer.from(TEXT) },
];
for (const { name, encoded } of encodings) {
  test(`decodes ${name}, whole and byte by byte`, async () => {
    assert.deepEqual(await decode(name, [encoded]), { text: TEXT, end: "end" });
    assert.deepEqual(await decode(name, bytesOf(encoded)), { text: TEXT, end: "end" });
  });
}

test("decodes gzip made of several members", async () => {
  const encoded = [zlib.gzipSync("one "), zlib.gzipSync("two")];
  assert.deepEqual(await decode("gzip", encoded), { text: "one two", end: "end" });
});

test("takes an answer without a body whatever its label", async () => {
  assert.deepEqual(await decode("gzip", []), { text: "", end: "end" });
});

const COULD_NOT = "upstream_invalid: the provider's answer could not be decoded";

for (const { name, encoded } of encodings.slice(0, -1)) {
  test(`refuses ${name} that is cut off or is something else`, async () => {
    assert.equal((await decode(name, [encoded.subarray(0, -1)])).end, COULD_NOT);
    assert.equal((await decode(name, [Buffer.from("not compressed at all")])).end, COULD_NOT);
  });
}

for (const { name, encoded } of encodings) {
  test(`stops ${name} that decodes to more than the limit`, async () => {
    const want = `upstream_invalid: the provider's answer is larger than ${TEXT.length - 1} bytes when decoded`;
    assert.equal((await decode(name, [encoded], TEXT.length - 1)).end, want);
    assert.equal((await decode(name, [encoded], TEXT.length)).end, "end");
  });
}

for (const encoding of ["compress", "gzip, snappy", "gzip,".repeat(5), "__proto__"]) {
  test(`refuses the coding ${encoding}`, () => {
    const never = () => assert.fail("nothing is decoded");
    const options = { maxBytes: 1, onData: never, onEnd: never, onError: never };
    assert.throws(
      () => createDecoder(encoding, options),
      (error: GatewayError) => error.code === "upstream_invalid",
    );
  });
}

const flushing = [
  { name: "gzip", make: () => zlib.createGzip(), flush: zlib.constants.Z_SYNC_FLUSH },
  { name: "deflate", make: () => zlib.createDeflate(), flush: zlib.constants.Z_SYNC_FLUSH },
  { name: "br", make: () => zlib.createBrotliCompress(), flush: zlib.constants.BROTLI_OPERATION_FLUSH },
  { name: "zstd", make: () => zlib.createZstdCompress(), flush: zlib.constants.ZSTD_e_flush },
];
for (const { name, make, flush } of flushing) {
  test(`gives out every event that the producer of a ${name} stream flushed`, async () => {
    const compressor = make();
    let arrived: (text: string) => void = () => {};
    const decoder = createDecoder(name, {
      maxBytes: Number.POSITIVE_INFINITY,
      onData: (bytes) => arrived(Buffer.from(bytes).toString()),
      onEnd: () => arrived("(end)"),
      onError: (error) => arrived(error.message),
    });
    compressor.on("data", (bytes: Buffer) => decoder.write(bytes));
    compressor.on("end", () => decoder.end());
    for (const event of ["data: one\n\n", "data: two\n\n", "data: three\n\n"]) {
      const seen = new Promise<string>((resolve) => (arrived = resolve));
      compressor.write(event);
      compressor.flush(flush);
      assert.equal(await seen, event);
    }
    const seen = new Promise<string>((resolve) => (arrived = resolve));
    compressor.end();
    assert.equal(await seen, "(end)");
  });
}

test("calls nothing back once closed, not even from within a callback", async () => {
  const calls: string[] = [];
  const decoder: Decoder = createDecoder("gzip", {
    maxBytes: 1e6,
    onData: () => {
      calls.push("data");
      decoder.close();
    },
    onEnd: () => calls.push("end"),
    onError: () => calls.push("error"),
  });
  decoder.write(zlib.gzipSync("one"));
  decoder.write(zlib.gzipSync(Buffer.alloc(1e6)));
  decoder.end();
  // Another decoder's end comes after whatever the first one still had to say.
  await decode("gzip", [zlib.gzipSync(Buffer.alloc(1e6))]);
  decoder.write(Buffer.from("late"));
  decoder.end();
  assert.deepEqual(calls, ["data"]);
});

const labels = [
  { in: undefined, want: true },
  { in: "", want: true },
  { in: "identity", want: true },
  { in: "Identity", want: true },
  { in: " identity , ", want: true },
  { in: "gzip", want: false },
  { in: "identity, br", want: false },
];
for (const { in: label, want } of labels) {
  test(`the label ${label} ${want ? "is" : "is not"} identity`, () => assert.equal(isIdentity(label), want));
}
