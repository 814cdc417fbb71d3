import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError } from "../../errors/gateway-error.ts";
import { CHUNKED } from "../../wire/http1-fields.ts";
import { parseHead } from "./request-head.ts";

function head(...lines: string[]): Buffer {
  return Buffer.from(`${lines.join("\r\n")}\r\n`, "latin1");
}

const POST = "POST /v1/x HTTP/1.1";
const HOST = "host: a";

describe("the head of a request, read", () => {
  const cases = [
    {
      name: "names in lower case, values without blanks around them",
      in: head("GET /a?b=c HTTP/1.1", "Host: a.test:80", "X-Tab: \ta\tb \t", "X-Empty:", "X-Latin: caf\xe9"),
      want: {
        method: "GET",
        target: "/a?b=c",
        host: "a.test:80",
        headers: ["host", "a.test:80", "x-tab", "a\tb", "x-empty", "", "x-latin", "caf\xe9"],
        bodyBytes: 0,
        persistent: true,
      },
    },
    {
      name: "a length",
      in: head(POST, HOST, "Content-Length: 012"),
      want: { headers: ["host", "a", "content-length", "012"], bodyBytes: 12 },
    },
    { name: "chunks, in any case", in: head(POST, HOST, "transfer-encoding: Chunked"), want: { bodyBytes: CHUNKED } },
    {
      name: "reserved names, which go no further",
      in: head(POST, HOST, "x-ai-eg-model: x"),
      want: { headers: ["host", "a"] },
    },
    { name: "connection: close", in: head(POST, HOST, "Connection: x, Close"), want: { persistent: false } },
    {
      name: "HTTP/1.0 without a host",
      in: head("GET / HTTP/1.0"),
      want: { host: "", isVersion11: false, persistent: false },
    },
    {
      name: "HTTP/1.0 with keep-alive",
      in: head("GET / HTTP/1.0", "connection: keep-alive"),
      want: { persistent: true },
    },
    { name: "an expectation", in: head(POST, HOST, "expect: 100-Continue"), want: { expectsContinue: true } },
    {
      name: "other expectations, which may be ignored",
      in: head(POST, HOST, "expect: x"),
      want: { expectsContinue: false },
    },
    {
      name: "expectations of HTTP/1.0, which must be",
      in: head("GET / HTTP/1.0", "expect: 100-continue"),
      want: { expectsContinue: false },
    },
    {
      name: "an upgrade, which may be ignored",
      in: head(POST, HOST, "connection: upgrade", "upgrade: h2c"),
      want: { persistent: true },
    },
    {
      name: "a target in absolute form, whose host counts",
      in: head("GET http://b.test/x?y HTTP/1.1", HOST),
      want: { target: "/x?y", host: "b.test" },
    },
    {
      name: "an absolute target without path",
      in: head("GET HTTPS://b.test HTTP/1.1", HOST),
      want: { target: "/", host: "b.test" },
    },
    {
      name: "an absolute target with a query only",
      in: head("GET http://b.test?q HTTP/1.1", HOST),
      want: { target: "/?q" },
    },
    { name: "OPTIONS *", in: head("OPTIONS * HTTP/1.1", HOST), want: { target: "*" } },
    { name: "an IPv6 host", in: head(POST, "host: [::1]:80"), want: { host: "[::1]:80" } },
    { name: "an empty host", in: head(POST, "host:"), want: { host: "" } },
    {
      name: "100 headers",
      in: head(POST, HOST, ...Array.from({ length: 99 }, (_, i) => `a${i}: b`)),
      want: { bodyBytes: 0 },
    },
  ];
  for (const { name, in: input, want } of cases) {
    it(`takes ${name}`, () => {
      const { headers, ...rest } = parseHead(input);
      const seen: Record<string, unknown> = { ...rest, headers: headers.flat };
      assert.deepEqual(Object.fromEntries(Object.keys(want).map((key) => [key, seen[key]])), want);
    });
  }
});

describe("the head of a request, refused", () => {
  const cases = [
    // Lengths that two readers could take for two lengths (RFC 9112 section 6.3).
    { name: "two lengths", in: head(POST, HOST, "content-length: 5", "content-length: 6") },
    { name: "one length twice", in: head(POST, HOST, "content-length: 5", "Content-Length: 5") },
    { name: "a list of lengths", in: head(POST, HOST, "content-length: 5, 5") },
    { name: "a length and chunks", in: head(POST, HOST, "content-length: 5", "transfer-encoding: chunked") },
    { name: "chunks and a length", in: head(POST, HOST, "transfer-encoding: chunked", "content-length: 5") },
    { name: "an empty length", in: head(POST, HOST, "content-length:") },
    { name: "a signed length", in: head(POST, HOST, "content-length: +5") },
    { name: "a negative length", in: head(POST, HOST, "content-length: -5") },
    { name: "a hexadecimal length", in: head(POST, HOST, "content-length: 0x5") },
    { name: "a length with a fraction", in: head(POST, HOST, "content-length: 5.0") },
    { name: "a length with a blank inside", in: head(POST, HOST, "content-length: 5 5") },
    { name: "a length past exact numbers", in: head(POST, HOST, `content-length: ${"9".repeat(16)}`) },
    { name: "an unknown coding", in: head(POST, HOST, "transfer-encoding: gzip") },
    { name: "chunks after another coding", in: head(POST, HOST, "transfer-encoding: gzip, chunked") },
    { name: "chunks before another coding", in: head(POST, HOST, "transfer-encoding: chunked, identity") },
    { name: "chunks twice", in: head(POST, HOST, "transfer-encoding: chunked, chunked") },
    { name: "two codings", in: head(POST, HOST, "transfer-encoding: chunked", "transfer-encoding: chunked") },
    { name: "an empty coding", in: head(POST, HOST, "transfer-encoding:") },
    { name: "a coding in quotes", in: head(POST, HOST, 'transfer-encoding: "chunked"') },
    { name: "a coding behind a vertical tab", in: head(POST, HOST, "transfer-encoding: \x0bchunked") },
    { name: "chunks in HTTP/1.0", in: head("POST / HTTP/1.0", "transfer-encoding: chunked") },
    // Lines that two readers could cut in two ways (RFC 9112 sections 2.2, 5.1 and 5.2).
    { name: "a blank before the colon", in: head(POST, HOST, "content-length : 5") },
    { name: "a tab before the colon", in: head(POST, HOST, "content-length\t: 5") },
    { name: "a folded line", in: head(POST, HOST, "x-a: b", " content-length: 5") },
    { name: "a folded line with a tab", in: head(POST, HOST, "x-a: b", "\tc") },
    { name: "a blank line's end before the first header", in: head(POST, " host: a") },
    { name: "a line without a colon", in: head(POST, HOST, "abc") },
    { name: "a line without a name", in: head(POST, HOST, ": b") },
    { name: "a bare LF", in: head(POST, HOST, "x-a: b\ncontent-length: 5") },
    { name: "a bare CR", in: head(POST, HOST, "x-a: b\rcontent-length: 5") },
    { name: "a CR before CRLF", in: head(POST, HOST, "x-a: b\r") },
    { name: "a NUL in a value", in: head(POST, HOST, "x-a: b\0") },
    { name: "a NUL in a name", in: head(POST, HOST, "x\0a: b") },
    { name: "a control character in a value", in: head(POST, HOST, "x-a: \x01") },
    { name: "a DEL in a value", in: head(POST, HOST, "x-a: \x7f") },
    { name: "a name that is no token", in: head(POST, HOST, "x(a): b") },
    { name: "a name beyond ASCII", in: head(POST, HOST, "x\xe9: b") },
    // Request lines (RFC 9112 section 3).
    { name: "two blanks in the request line", in: head("POST  /v1/x HTTP/1.1", HOST) },
    { name: "a tab in the request line", in: head("POST\t/v1/x HTTP/1.1", HOST) },
    { name: "a blank in the target", in: head("POST /v1/x y HTTP/1.1", HOST) },
    { name: "a blank behind the version", in: head("POST /v1/x HTTP/1.1 ", HOST) },
    { name: "a control character in the target", in: head("POST /\x01 HTTP/1.1", HOST) },
    { name: "a target beyond ASCII", in: head("POST /\xe9 HTTP/1.1", HOST) },
    { name: "no target", in: head("POST HTTP/1.1", HOST) },
    { name: "no version", in: head("POST /", HOST) },
    { name: "HTTP/0.9", in: head("GET / HTTP/0.9", HOST) },
    { name: "HTTP/1.2", in: head("GET / HTTP/1.2", HOST) },
    { name: "HTTP/2.0", in: head("GET / HTTP/2.0", HOST) },
    { name: "HTTP/1.10", in: head("GET / HTTP/1.10", HOST) },
    { name: "a version in lower case", in: head("GET / http/1.1", HOST) },
    { name: "a method in lower case", in: head("get / HTTP/1.1", HOST) },
    { name: "a method of 21 letters", in: head(`${"A".repeat(21)} / HTTP/1.1`, HOST) },
    { name: "CONNECT", in: head("CONNECT b.test:443 HTTP/1.1", HOST) },
    { name: "a target that is an authority", in: head("GET b.test:443 HTTP/1.1", HOST) },
    { name: "a target without a host", in: head("GET http:///x HTTP/1.1", HOST) },
    { name: "a target with a user", in: head("GET http://user@b.test/ HTTP/1.1", HOST) },
    { name: "a target of another scheme", in: head("GET ftp://b.test/ HTTP/1.1", HOST) },
    { name: "GET *", in: head("GET * HTTP/1.1", HOST) },
    // Hosts (RFC 9112 section 3.2).
    { name: "no host", in: head(POST) },
    { name: "two hosts", in: head(POST, HOST, "Host: b") },
    { name: "one host twice", in: head(POST, HOST, HOST) },
    { name: "two hosts in HTTP/1.0", in: head("GET / HTTP/1.0", HOST, "host: b") },
    { name: "a list of hosts", in: head(POST, "host: a, b") },
    { name: "a host with a path", in: head(POST, "host: a/b") },
    { name: "a host with a user", in: head(POST, "host: u@a") },
    { name: "a host with a blank", in: head(POST, "host: a b") },
    { name: "a port that is no number", in: head(POST, "host: a:b") },
  ];
  for (const { name, in: input } of cases) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => parseHead(input),
        (error) =>
          error instanceof GatewayError &&
          error.code === "invalid_request" &&
          /^malformed request: not valid HTTP: [\w .\-/]+$/.test(error.message),
      );
    });
  }

  it("refuses the 101st header as too much", () => {
    const headers = Array.from({ length: 100 }, (_, i) => `a${i}: b`);
    assert.throws(
      () => parseHead(head(POST, HOST, ...headers)),
      (error) => error instanceof GatewayError && error.code === "headers_too_large",
    );
  });
});
