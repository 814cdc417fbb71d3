import type { Case, Group } from "../case.ts";
import { STANDARD } from "../configs.ts";
import { openaiError } from "./errors.ts";

const BODY = '{"model":"gpt-4o","messages":[]}';
const START = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n";
const OWN_ID = /^[\da-f-]{20,40}$/;
const SMUGGLED = `${BODY}POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;

const malformed: readonly { name: string; raw: string }[] = [
  { name: "two content lengths that differ", raw: `${START}content-length: 5\r\ncontent-length: 32\r\n\r\n${BODY}` },
  {
    name: "a content length and chunked",
    raw: `${START}content-length: 32\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  {
    name: "chunked and a content length",
    raw: `${START}transfer-encoding: chunked\r\ncontent-length: 32\r\n\r\n${SMUGGLED}`,
  },
  { name: "a negative content length", raw: `${START}content-length: -1\r\n\r\n${BODY}` },
  { name: "a content length that is no number", raw: `${START}content-length: 0x20\r\n\r\n${BODY}` },
  { name: "a space before the colon", raw: `${START}transfer-encoding : chunked\r\n\r\n0\r\n\r\n` },
  { name: "an unknown transfer encoding", raw: `${START}transfer-encoding: chunked, xchunked\r\n\r\n0\r\n\r\n` },
  {
    name: "a chunk size that is no number",
    raw: `${START}transfer-encoding: chunked\r\n\r\nzz\r\n${BODY}\r\n0\r\n\r\n`,
  },
  { name: "a header line without a colon", raw: `${START}nonsense\r\n\r\n` },
  { name: "a NUL in a header", raw: `${START}x-nul: a\0b\r\n\r\n` },
  { name: "a folded header", raw: `${START}x-folded: a\r\n b\r\ncontent-length: 0\r\n\r\n` },
  { name: "a bare carriage return in a header", raw: `${START}x-cr: a\rx-b: c\r\n\r\n` },
  { name: "no HTTP at all", raw: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" },
  { name: "an unknown version", raw: "GET /v1/models HTTP/9.9\r\nhost: x\r\n\r\n" },
  { name: "no host", raw: `POST /v1/chat/completions HTTP/1.1\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}` },
  { name: "CONNECT", raw: "CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n" },
];

/** Bytes that are not HTTP, or that two readers could read in two ways. */
export const MALFORMED_HTTP: Group = {
  name: "malformed HTTP",
  oneByOne: true,
  cases: [
    ...malformed.map(
      ({ name, raw }): Case => ({
        name: `${name}: refused, closed, not forwarded`,
        config: STANDARD,
        request: { raw },
        want: {
          status: 400,
          headers: { connection: "close", "content-type": "application/json" },
          body: openaiError("BadRequest", 400, /malformed request: [^"]+/),
          upstream: null,
          log: { status: 400, outcome: "error", "error.type": "invalid_request" },
        },
      }),
    ),
    {
      name: "headers of 100 KiB are 431",
      config: STANDARD,
      request: { raw: `${START}x-big: ${"x".repeat(100 * 1024)}\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}` },
      want: {
        status: 431,
        body: openaiError("RequestHeadersTooLarge", 431, /[^"]+/),
        upstream: null,
        log: { status: 431, "error.type": "headers_too_large" },
      },
    },
    {
      name: "headers of 50 KiB pass",
      config: STANDARD,
      request: {
        raw: `${START}x-big: ${"x".repeat(50 * 1024)}\r\nconnection: close\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
      },
      want: { status: 200, upstream: {}, log: { status: 200 } },
    },
    ...["a b", "<script>", "x".repeat(500)].map(
      (id): Case => ({
        name: `a request id the gateway would not write itself is replaced: ${id.slice(0, 10)}`,
        config: STANDARD,
        request: {
          raw: `${START}x-request-id: ${id}\r\nconnection: close\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
        },
        want: { status: 200, upstream: { headers: { "x-request-id": OWN_ID } }, log: { request_id: OWN_ID } },
      }),
    ),
    {
      name: "a caller that waits for 100 Continue is told to go on",
      config: STANDARD,
      request: {
        raw: `${START}expect: 100-continue\r\nconnection: close\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
      },
      want: { status: 100, body: /^HTTP\/1\.1 200 /, upstream: { headers: { expect: undefined } } },
    },
    {
      name: "an absolute request target is served by its path",
      config: STANDARD,
      request: { raw: "GET http://x/v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n" },
      want: { status: 200, log: { status: 200, path: "/v1/models" } },
    },
    {
      name: "HTTP/1.0 is answered and closed",
      config: STANDARD,
      request: {
        raw: `POST /v1/chat/completions HTTP/1.0\r\nhost: x\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
      },
      want: { status: 200, headers: { connection: "close" }, log: { status: 200 } },
    },
  ],
};
