import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { GatewayError } from "../../errors/gateway-error.ts";
import { HeadReader } from "./head-reader.ts";
import { HEAD_BYTES_MAX } from "./request-head.ts";

/** What a reader makes of pieces: the heads, what stands behind each, and the error that ended it. */
function read(reader: HeadReader, pieces: readonly Uint8Array[]): unknown[] {
  const seen: unknown[] = [];
  for (const piece of pieces) {
    const memory = Buffer.from(piece);
    try {
      for (let at = 0; at < memory.length; ) {
        at = reader.read(memory, at);
        const head = reader.take();
        if (head === undefined) continue;
        const { headers, ...rest } = head;
        seen.push({ ...rest, headers: headers.flat });
        // What a receiver does with its headers must not be seen in the next ones.
        headers.set("x-changed", "1");
        headers.remove("host");
      }
    } catch (error) {
      assert.ok(error instanceof GatewayError, String(error));
      return [...seen, error.code];
    }
    memory.fill("!");
  }
  return seen;
}

function split(input: Buffer, cuts: readonly number[]): Buffer[] {
  const edges = [0, ...[...new Set(cuts.map((cut) => cut % (input.length + 1)))].sort((a, b) => a - b), input.length];
  return edges.slice(1).map((end, i) => input.subarray(edges[i], end));
}

const GET = "GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n";
const post = (length: number | string, more = "") =>
  `POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\nx-a: b${more}\r\n\r\n`;

describe("HeadReader", () => {
  const streams = [
    { name: "one head", in: GET, heads: 1 },
    { name: "the same head again and again", in: GET.repeat(3), heads: 3 },
    { name: "heads that differ in their length only", in: post(0) + post(12) + post("0012") + post(0), heads: 4 },
    { name: "heads that differ elsewhere", in: post(0) + post(0, "c") + GET + post(0, "c"), heads: 4 },
    { name: "empty lines before a head", in: `\r\n\r\n${GET}\r\n${GET}`, heads: 2 },
  ];
  for (const { name, in: text, heads } of streams) {
    it(`reads ${name}, however the bytes are cut`, () => {
      const input = Buffer.from(text);
      const whole = read(new HeadReader(), [input]);
      assert.equal(whole.length, heads);
      for (let cut = 1; cut < input.length; cut++) {
        const seen = read(new HeadReader(), [input.subarray(0, cut), input.subarray(cut)]);
        assert.deepEqual(seen, whole, `cut at ${cut}`);
      }
      const single = [...input].map((byte) => Uint8Array.of(byte));
      assert.deepEqual(read(new HeadReader(), single), whole);
    });
  }

  it("remembers nothing but equal bytes: each head is what a fresh reader makes of it", () => {
    const line = fc.constantFrom(
      "x-a: b",
      "x-a: c",
      "x-a: content-length",
      "X-A: b",
      "content-length: 1",
      "content-length: 22",
      "content-length: 1 ",
      "content-length:1",
      "x-ai-eg-model: x",
      "connection: close",
      "expect: 100-continue",
      "transfer-encoding: chunked",
      "content-length: 1x",
      "host: b",
    );
    const text = fc
      .tuple(fc.constantFrom("POST /a", "POST /b", "GET /a"), fc.array(line, { maxLength: 4 }))
      .map(([start, lines]) => [`${start} HTTP/1.1`, "host: a", ...lines, "", ""].join("\r\n"));
    const property = fc.property(
      fc.array(text, { minLength: 2, maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      (texts, cuts) => {
        const alone: unknown[] = [];
        for (const one of texts) {
          alone.push(...read(new HeadReader(), [Buffer.from(one)]));
          if (typeof alone.at(-1) === "string") break;
        }
        assert.deepEqual(read(new HeadReader(), split(Buffer.from(texts.join("")), cuts)), alone);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  it("throws nothing but typed errors, and the same ones however the bytes are cut", () => {
    const fragment = fc.oneof(
      fc.constantFrom("GET / HTTP/1.1\r\n", "host: a\r\n", "content-length: 3\r\n", "\r\n", "\r\n\r\n"),
      fc.constantFrom("\r", "\n", "\0", " ", ":", "A", "POST ", "HTTP/1.1", "x: y\r\n", " z\r\n"),
      fc.string({ unit: "binary", maxLength: 6 }),
    );
    const property = fc.property(
      fc.array(fragment, { maxLength: 10 }),
      fc.array(fc.nat(), { maxLength: 5 }),
      (parts, cuts) => {
        const input = Buffer.from(`${parts.join("")}\r\n\r\n`, "latin1");
        assert.deepEqual(read(new HeadReader(), split(input, cuts)), read(new HeadReader(), [input]));
      },
    );
    fc.assert(property, { numRuns: 1_000 });
  });

  const early = [
    { name: "bytes of TLS", in: "\x16\x03\x01" },
    { name: "a method in lower case", in: "get" },
    { name: "a method without end", in: "A".repeat(21) },
    { name: "a line that ends with LF alone", in: "GET / HTTP/1.1\n" },
    { name: "a CR that ends nothing", in: "\rG" },
  ];
  for (const { name, in: text } of early) {
    it(`does not wait for the end of what begins with ${name}`, () => {
      assert.deepEqual(read(new HeadReader(), [Buffer.from(text, "latin1")]), ["invalid_request"]);
      assert.deepEqual(read(new HeadReader(), split(Buffer.from(text, "latin1"), [1])), ["invalid_request"]);
    });
  }

  it("takes heads up to the largest size and none above, in one piece and in many", () => {
    const around = `GET / HTTP/1.1\r\nhost: a\r\nx: ${"\r\n\r\n"}`.length;
    for (const [size, want] of [
      [HEAD_BYTES_MAX, undefined],
      [HEAD_BYTES_MAX + 1, "headers_too_large"],
    ] as const) {
      const input = Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\nx: ${"x".repeat(size - around)}\r\n\r\n`);
      const cuts = Array.from({ length: 60 }, (_, i) => (i + 1) * 1024);
      for (const pieces of [[input], split(input, cuts)]) {
        const [seen, ...rest] = read(new HeadReader(), pieces);
        assert.deepEqual([typeof seen === "string" ? seen : undefined, rest.length], [want, 0]);
      }
    }
  });

  it("gives up on a head without end as soon as it is too large", () => {
    const pieces = Array.from({ length: 70 }, (_, i) => Buffer.from(i === 0 ? "GET /" : "x".repeat(1024)));
    assert.deepEqual(read(new HeadReader(), pieces), ["headers_too_large"]);
  });

  it("tells whether a head has begun", () => {
    const reader = new HeadReader();
    const begun = [""].concat("\r\n", "G", GET.slice(1), "\r", "\n").map((text) => {
      read(reader, [Buffer.from(text)]);
      return reader.begun;
    });
    assert.deepEqual(begun, [false, false, true, false, true, false]);
  });
});
