import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { GatewayError } from "../../errors/gateway-error.ts";
import { Http1Parser } from "./http1-parser.ts";

interface Answer {
  status: number;
  headers: string[];
  body: string;
  ended: boolean;
  reusable: boolean;
  dataCalls: number;
}

/** Parses pieces as reads; `eof` also tells the end of the connection. */
function parse(pieces: readonly Uint8Array[], eof = false): Answer {
  const answer: Answer = { status: 0, headers: [], body: "", ended: false, reusable: false, dataCalls: 0 };
  const parser = new Http1Parser({
    onHead(status, headers) {
      answer.status = status;
      answer.headers = headers.flat;
    },
    onData(chunk) {
      answer.body += chunk.toString("latin1");
      answer.dataCalls += 1;
    },
    onEnd() {
      answer.ended = true;
      answer.reusable = parser.reusable;
    },
  });
  parser.reset();
  for (const piece of pieces) {
    if (answer.ended) break;
    // The parser moves bytes about in what it is given, and keeps nothing of it.
    const memory = Buffer.from(piece);
    parser.read(memory);
    memory.fill("!");
  }
  if (eof && !answer.ended) parser.readEnd();
  return answer;
}

function bytes(...lines: string[]): Buffer {
  return Buffer.from(lines.join("\r\n"), "latin1");
}

describe("Http1Parser", () => {
  const valid = [
    {
      name: "a body of known length",
      in: bytes("HTTP/1.1 200 OK", "Content-Type: text/plain", "Content-Length: 5", "", "hello"),
      want: {
        status: 200,
        headers: ["content-type", "text/plain", "content-length", "5"],
        body: "hello",
        reusable: true,
      },
    },
    {
      name: "a chunked body with extensions and trailers",
      in: bytes(
        "HTTP/1.1 200 OK",
        "transfer-encoding: Chunked",
        "",
        "5;a=b",
        "hello",
        "0A ; x",
        " wide\r\nweb",
        "0",
        "digest: x",
        "more: y",
        "",
        "",
      ),
      want: { status: 200, headers: [], body: "hello wide\r\nweb", reusable: true },
    },
    {
      name: "an empty body",
      in: bytes("HTTP/1.1 200 OK", "content-length: 0", "", ""),
      want: { status: 200, headers: ["content-length", "0"], body: "", reusable: true },
    },
    {
      name: "an empty chunked body",
      in: bytes("HTTP/1.1 200 OK", "transfer-encoding: chunked", "", "0", "", ""),
      want: { status: 200, headers: [], body: "", reusable: true },
    },
    {
      name: "a 204, which has no body",
      in: bytes("HTTP/1.1 204 No Content", "a: b", "", ""),
      want: { status: 204, headers: ["a", "b"], body: "", reusable: true },
    },
    {
      name: "a 304, whose content-length is of another answer",
      in: bytes("HTTP/1.1 304 Not Modified", "content-length: 12", "", ""),
      want: { status: 304, headers: ["content-length", "12"], body: "", reusable: true },
    },
    {
      name: "100, 102 and 103 before the answer",
      in: bytes(
        ...["HTTP/1.1 100 Continue", ""],
        ...["HTTP/1.1 102 Processing", ""],
        ...["HTTP/1.1 103 Early Hints", "link: </a>", ""],
        ...["HTTP/1.1 200 OK", "content-length: 1", "", "x"],
      ),
      want: { status: 200, headers: ["content-length", "1"], body: "x", reusable: true },
    },
    {
      name: "hop-by-hop headers, which end here with those that connection names",
      in: bytes(
        ...[
          "HTTP/1.1 200 OK",
          "Connection: keep-alive, X-Private",
          "keep-alive: timeout=5",
          "x-private: 1",
          "te: trailers",
        ],
        ...["trailer: a", "upgrade: h2c", "proxy-authenticate: Basic", "x-kept: 1", "content-length: 0", "", ""],
      ),
      want: { status: 200, headers: ["x-kept", "1", "content-length", "0"], body: "", reusable: true },
    },
    {
      name: "values with tabs, latin1 bytes, colons, blanks around them, and none at all",
      in: bytes("HTTP/1.1 200", "a:  x\ty:z \t", "b: caf\xe9", "c:", "d_e:1", "content-length:0", "", ""),
      want: {
        status: 200,
        headers: ["a", "x\ty:z", "b", "caf\xe9", "c", "", "d_e", "1", "content-length", "0"],
        body: "",
        reusable: true,
      },
    },
    {
      name: "connection: close",
      in: bytes("HTTP/1.1 200 OK", "connection: Close", "content-length: 1", "", "x"),
      want: { status: 200, headers: ["content-length", "1"], body: "x", reusable: false },
    },
    {
      name: "HTTP/1.0, which closes unless it says otherwise",
      in: bytes("HTTP/1.0 200 OK", "content-length: 1", "", "x"),
      want: { status: 200, headers: ["content-length", "1"], body: "x", reusable: false },
    },
    {
      name: "HTTP/1.0 with keep-alive",
      in: bytes("HTTP/1.0 200 OK", "connection: keep-alive", "content-length: 1", "", "x"),
      want: { status: 200, headers: ["content-length", "1"], body: "x", reusable: true },
    },
    {
      name: "chunks in HTTP/1.0, after which the connection is not to be trusted",
      in: bytes("HTTP/1.0 200 OK", "connection: keep-alive", "transfer-encoding: chunked", "", "1", "x", "0", "", ""),
      want: { status: 200, headers: [], body: "x", reusable: false },
    },
  ];
  for (const { name, in: input, want } of valid) {
    it(`reads ${name}, however the bytes are cut`, () => {
      const whole = { ...parse([input]), dataCalls: 0 };
      assert.deepEqual(whole, { ...want, ended: true, dataCalls: 0 });
      const single = [...input].map((byte) => Uint8Array.of(byte));
      assert.deepEqual({ ...parse(single), dataCalls: 0 }, whole);
      for (let cut = 1; cut < input.length; cut++) {
        const answer = parse([input.subarray(0, cut), input.subarray(cut)]);
        assert.deepEqual({ ...answer, dataCalls: 0 }, whole, `cut at ${cut}`);
      }
    });
  }

  it("ends a body without a length with the connection, and not before", () => {
    const input = bytes("HTTP/1.1 200 OK", "a: b", "", "some", "more");
    assert.equal(parse([input]).ended, false);
    const answer = parse([input], true);
    assert.deepEqual([answer.ended, answer.body, answer.reusable], [true, "some\r\nmore", false]);
  });

  it("does not take a connection that ends early for the end of the answer", () => {
    const cases = [
      bytes("HTTP/1.1 200 OK", "content-length: 5", "", "hell"),
      bytes("HTTP/1.1 200 OK", "transfer-encoding: chunked", "", "5", "hello", ""),
      bytes("HTTP/1.1 200 OK", "transfer-encoding: chunked", "", "5", "hello", "0", ""),
      bytes("HTTP/1.1 200 OK", "content-le"),
      bytes("HTTP/1.1 100 Continue", "", ""),
    ];
    for (const input of cases) assert.equal(parse([input], true).ended, false, input.toString("latin1"));
  });

  it("drops bytes behind the answer and says the connection is spent", () => {
    const answer = parse([bytes("HTTP/1.1 200 OK", "content-length: 2", "", "okHTTP/1.1 200 OK", "", "")]);
    assert.deepEqual([answer.body, answer.ended, answer.reusable], ["ok", true, false]);
    const bodyless = parse([bytes("HTTP/1.1 204 No Content", "content-length: 2", "", "no")]);
    assert.deepEqual([bodyless.body, bodyless.ended, bodyless.reusable], ["", true, false]);
  });

  it("hands on what one read brought in one call", () => {
    const chunks = "1\r\na\r\n2\r\nbc\r\n3;x\r\ndef\r\n".repeat(50);
    const answer = parse([bytes("HTTP/1.1 200 OK", "transfer-encoding: chunked", "", `${chunks}0`, "", "")]);
    assert.deepEqual([answer.dataCalls, answer.body], [1, "abcdef".repeat(50)]);
  });

  it("reads keep-alive's timeout", () => {
    const cases = [
      { in: "timeout=5", want: 5000 },
      { in: "max=100, timeout=30", want: 30_000 },
      { in: "timeout=0", want: 0 },
      { in: "timeout=x", want: undefined },
      { in: "max=5", want: undefined },
    ];
    for (const { in: value, want } of cases) {
      const parser = new Http1Parser({ onHead() {}, onData() {}, onEnd() {} });
      parser.reset();
      parser.read(bytes("HTTP/1.1 200 OK", `keep-alive: ${value}`, "content-length: 0", "", ""));
      assert.equal(parser.keepAliveMs, want, value);
    }
  });

  const invalid = [
    { name: "another protocol", in: bytes("SSH-2.0-OpenSSH_9", "") },
    { name: "another protocol, from its first byte", in: Buffer.from("\x15\x03\x01") },
    { name: "HTTP/2 or nothing like it", in: bytes("HTTP/2 200", "", "") },
    { name: "HTTP/1.2", in: bytes("HTTP/1.2 200 OK", "", "") },
    { name: "a status of two digits", in: bytes("HTTP/1.1 20 OK", "", "") },
    { name: "a status of four digits", in: bytes("HTTP/1.1 2000 OK", "", "") },
    { name: "a status below 100", in: bytes("HTTP/1.1 099 OK", "", "") },
    { name: "a status above 599", in: bytes("HTTP/1.1 600 OK", "", "") },
    { name: "a NUL in the reason", in: bytes("HTTP/1.1 200 O\0K", "", "") },
    { name: "an unasked upgrade", in: bytes("HTTP/1.1 101 Switching Protocols", "", "") },
    { name: "a folded header", in: bytes("HTTP/1.1 200 OK", "a: b", " c", "", "") },
    { name: "a header without colon", in: bytes("HTTP/1.1 200 OK", "abc", "", "") },
    { name: "a header without name", in: bytes("HTTP/1.1 200 OK", ": b", "", "") },
    { name: "a space before the colon", in: bytes("HTTP/1.1 200 OK", "content-length : 5", "", "hello") },
    { name: "a NUL in a value", in: bytes("HTTP/1.1 200 OK", "a: b\0c", "", "") },
    { name: "a NUL in a name", in: bytes("HTTP/1.1 200 OK", "a\0b: c", "", "") },
    { name: "a bare CR in a value", in: bytes("HTTP/1.1 200 OK", "a: b\rc: d", "", "") },
    { name: "a bare LF between headers", in: bytes("HTTP/1.1 200 OK", "a: b\nc: d", "", "") },
    { name: "a control character in a value", in: bytes("HTTP/1.1 200 OK", "a: b\x01c", "", "") },
    { name: "two lengths", in: bytes("HTTP/1.1 200 OK", "content-length: 5", "content-length: 6", "", "hello") },
    { name: "one length twice", in: bytes("HTTP/1.1 200 OK", "content-length: 5", "content-length: 5", "", "hello") },
    { name: "a list of lengths", in: bytes("HTTP/1.1 200 OK", "content-length: 5, 5", "", "hello") },
    { name: "a negative length", in: bytes("HTTP/1.1 200 OK", "content-length: -1", "", "") },
    { name: "a signed length", in: bytes("HTTP/1.1 200 OK", "content-length: +5", "", "hello") },
    { name: "a hexadecimal length", in: bytes("HTTP/1.1 200 OK", "content-length: 0x5", "", "hello") },
    { name: "an empty length", in: bytes("HTTP/1.1 200 OK", "content-length:", "", "") },
    { name: "a length past exact numbers", in: bytes("HTTP/1.1 200 OK", `content-length: ${"9".repeat(16)}`, "", "") },
    {
      name: "a length with chunks",
      in: bytes("HTTP/1.1 200 OK", "content-length: 5", "transfer-encoding: chunked", "", "0", "", ""),
    },
    { name: "an unknown coding", in: bytes("HTTP/1.1 200 OK", "transfer-encoding: gzip, chunked", "", "0", "", "") },
    { name: "an empty coding", in: bytes("HTTP/1.1 200 OK", "transfer-encoding:", "", "") },
    {
      name: "two codings",
      in: bytes("HTTP/1.1 200 OK", "transfer-encoding: chunked", "transfer-encoding: chunked", "", "0", "", ""),
    },
    { name: "a chunk without size", in: chunked("\r\n") },
    { name: "a chunk of negative size", in: chunked("-1\r\n") },
    { name: "a chunk size that is no number", in: chunked("5g\r\nhello\r\n") },
    { name: "a chunk size past exact numbers", in: chunked(`${"f".repeat(13)}\r\n`) },
    { name: "a chunk size ended by LF alone", in: chunked("5\nhello\r\n") },
    { name: "a chunk size ended by CR alone", in: chunked("5\rhello\r\n") },
    { name: "a NUL in a chunk extension", in: chunked("5;\0\r\nhello\r\n") },
    { name: "a LF in a chunk extension", in: chunked("5;\nhello\r\n") },
    { name: "a chunk longer than its size", in: chunked("5\r\nhello!\r\n") },
    { name: "a chunk without CR behind it", in: chunked("5\r\nhello\n") },
    { name: "a chunk with only CR behind it", in: chunked("5\r\nhello\rx") },
    { name: "an endless chunk extension", in: chunked(`5;${"x".repeat(16 * 1024)}`) },
    { name: "endless trailers", in: chunked(`0\r\n${"a: b\r\n".repeat(11_000)}`) },
    { name: "a LF in the trailers", in: chunked("0\r\na: b\n\r\n") },
    { name: "a head of more than 64 KiB", in: bytes("HTTP/1.1 200 OK", `a: ${"x".repeat(65_536)}`, "", "") },
    { name: "interim heads of more than 64 KiB", in: Buffer.from("HTTP/1.1 100 Continue\r\n\r\n".repeat(3_000)) },
  ];
  for (const { name, in: input } of invalid) {
    it(`refuses ${name}, however the bytes are cut`, () => {
      const refusal = (error: unknown) => error instanceof GatewayError && error.code === "upstream_invalid";
      assert.throws(() => parse([input]), refusal);
      const pieces: Uint8Array[] = [];
      const size = input.length > 1_000 ? 1_000 : 1;
      for (let at = 0; at < input.length; at += size) pieces.push(input.subarray(at, at + size));
      assert.throws(() => parse(pieces), refusal);
    });
  }

  it("takes a head of just under 64 KiB and a thousand headers", () => {
    const headers = Array.from({ length: 1_000 }, (_, i) => `x-${i}: ${"v".repeat(50)}`);
    const answer = parse([bytes("HTTP/1.1 200 OK", ...headers, "content-length: 0", "", "")]);
    assert.deepEqual([answer.headers.length, answer.ended], [2_002, true]);
  });
});

function chunked(body: string): Buffer {
  return bytes("HTTP/1.1 200 OK", "transfer-encoding: chunked", "", body);
}

describe("Http1Parser, for any input", () => {
  const name = fc.stringMatching(/^x-[A-Za-z0-9_-]{1,12}$/);
  const value = fc.stringMatching(/^[!-~]([ -~\t]{0,20}[!-~])?$/);
  const headers = fc.array(fc.tuple(name, value), { maxLength: 8 });
  const payload = fc.uint8Array({ maxLength: 200 });

  it("reads what was written, chunked or sized, at any split", () => {
    const property = fc.property(
      fc.integer({ min: 200, max: 203 }),
      headers,
      fc.array(payload, { maxLength: 6 }),
      fc.boolean(),
      fc.array(fc.nat(), { maxLength: 12 }),
      (status, sent, parts, isChunked, cuts) => {
        const message = encode(status, sent, parts, isChunked);
        const answer = parse(split(message, cuts));
        const body = Buffer.concat(parts).toString("latin1");
        const seen = answer.headers.slice(0, sent.length * 2);
        assert.deepEqual([answer.status, answer.body, answer.ended, answer.reusable], [status, body, true, true]);
        assert.deepEqual(
          seen,
          sent.flatMap(([n, v]) => [n.toLowerCase(), v]),
        );
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  it("throws nothing but the typed error, and hands on nothing that could break a header", () => {
    const fragment = fc.oneof(
      fc.constantFrom("HTTP/1.1 200 OK\r\n", "HTTP/1.0 ", "content-length: 3\r\n", "transfer-encoding: chunked\r\n"),
      fc.constantFrom("\r\n", "\r", "\n", "\0", " ", ":", "0\r\n\r\n", "3\r\nabc\r\n", "connection: close, a\r\n", ";"),
      fc.string({ unit: "binary", maxLength: 8 }),
    );
    const property = fc.property(
      fc.array(fragment, { maxLength: 14 }),
      fc.array(fc.nat(), { maxLength: 6 }),
      (parts, cuts) => {
        const input = Buffer.from(`HTTP/1.1 200 OK\r\n${parts.join("")}`, "latin1");
        let flat: string[] = [];
        try {
          flat = parse(split(input, cuts), true).headers;
        } catch (error) {
          assert.ok(error instanceof GatewayError && error.code === "upstream_invalid", String(error));
        }
        for (const text of flat) assert.doesNotMatch(text, /[\r\n\0]/);
      },
    );
    fc.assert(property, { numRuns: 1_000 });
  });
});

function encode(status: number, headers: [string, string][], parts: Uint8Array[], isChunked: boolean): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const framing = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`;
  const pieces: Uint8Array[] = [Buffer.from(`HTTP/1.1 ${status} OK\r\n${lines}${framing}\r\n\r\n`, "latin1")];
  for (const part of parts) {
    if (!isChunked) pieces.push(part);
    else if (part.length > 0) pieces.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n"));
  }
  if (isChunked) pieces.push(Buffer.from("0\r\n\r\n"));
  return Buffer.concat(pieces);
}

function split(input: Buffer, cuts: number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (input.length + 1)))].sort((a, b) => a - b);
  const edges = [0, ...places, input.length];
  const pieces: Buffer[] = [];
  for (let i = 1; i < edges.length; i++) {
    const piece = input.subarray(edges[i - 1], edges[i]);
    if (piece.length > 0) pieces.push(piece);
  }
  return pieces;
}
