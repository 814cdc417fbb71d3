/** The head of an HTTP/1.1 response: status line, headers, and how the body is framed (RFC 9112 sections 4 to 6). */
import { HeaderMap } from "../../wire/headers.ts";
import { invalidAnswer } from "./failure.ts";
import { isHopByHop } from "./hop-by-hop.ts";

/** Value of `bodyBytes` for a chunked body. */
export const CHUNKED = -1;
/** Value of `bodyBytes` for a body that ends with the connection. */
export const UNTIL_CLOSE = -2;

/** A parsed head. */
export interface ResponseHead {
  readonly status: number;
  /** What the handler may see: without hop-by-hop headers (RFC 9110 section 7.6.1). */
  readonly headers: HeaderMap;
  /** Length of the body, CHUNKED or UNTIL_CLOSE. */
  readonly bodyBytes: number;
  /** Whether the peer lets the connection carry a further request. */
  readonly persistent: boolean;
  /** What `keep-alive: timeout=` says, in milliseconds. */
  readonly keepAliveMs: number | undefined;
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const DEL = 0x7f;

/** 1 for a byte that may stand in a header's name (RFC 9110 section 5.6.2). */
const NAME_BYTE = new Uint8Array(256);
for (const byte of Buffer.from("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
  NAME_BYTE[byte] = 1;
}
/** 1 for a byte that may stand in a header's value (RFC 9110 section 5.5). */
const VALUE_BYTE = new Uint8Array(256).fill(1, SPACE);
VALUE_BYTE[TAB] = 1;
VALUE_BYTE[DEL] = 0;

/** `Number` of more digits would not be exact. */
const LENGTH_DIGITS_MAX = 15;
const DIGITS = /^\d+$/;
const KEEP_ALIVE_TIMEOUT = /(?:^|[\s,])timeout=(\d{1,6})(?:$|[\s,])/;

/**
 * Parses a head.
 *
 * @param bytes From the status line up to and with the line end of the last header; the empty line that ends the head is
 *   not part of it.
 * @throws GatewayError `upstream_invalid`.
 */
export function parseHead(bytes: Buffer): ResponseHead {
  // Looked at as bytes, cut as text: both are at the same places in latin1, and each is the faster way.
  const text = bytes.toString("latin1");
  const status = parseStatusLine(bytes, text);
  const flat: string[] = [];
  const framing = new Framing(bytes[7] === 0x31);
  let at = text.indexOf("\r\n") + 2;
  while (at < bytes.length) {
    const colon = endOfName(bytes, at);
    const name = text.slice(at, colon).toLowerCase();
    let start = colon + 1;
    while (isBlank(bytes[start])) start += 1;
    const next = endOfLine(bytes, start);
    let end = next - 2;
    while (end > start && isBlank(bytes[end - 1])) end -= 1;
    const value = text.slice(start, end);
    framing.take(name, value);
    if (!isHopByHop(name)) flat.push(name, value);
    at = next;
  }
  return framing.finish(status, new HeaderMap(flat));
}

/** `HTTP/1.` digit, space, three digits, then the line's end or a space and a phrase nobody needs. */
function parseStatusLine(bytes: Buffer, text: string): number {
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)[ \r]/.exec(text)?.[1];
  if (status === undefined) throw invalidAnswer("status line");
  endOfLine(bytes, 12);
  return Number(status);
}

/**
 * Where the name that starts at `at` ends.
 *
 * A folded line starts with a space, so it has no name; a space before the colon is no part of one either. Both are to be
 * refused or replaced (RFC 9112 sections 5.1 and 5.2).
 */
function endOfName(bytes: Buffer, at: number): number {
  let end = at;
  while (NAME_BYTE[bytes[end] as number] === 1) end += 1;
  if (end === at || bytes[end] !== COLON) throw invalidAnswer("header name");
  return end;
}

/** Where the line after the one of `at` starts; what stands between is checked. */
function endOfLine(bytes: Buffer, at: number): number {
  let end = at;
  while (VALUE_BYTE[bytes[end] as number] === 1) end += 1;
  if (bytes[end] !== CR || bytes[end + 1] !== LF) throw invalidAnswer("header value");
  return end + 2;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

/** Gathers what the headers say about the body's length and the connection's future. */
class Framing {
  readonly #version11: boolean;
  #length: number | undefined;
  #transferEncoding: string | undefined;
  #close = false;
  #keepAlive = false;
  #keepAliveMs: number | undefined;
  /** Headers that `connection` names as its own. */
  #named: string[] | undefined;

  constructor(version11: boolean) {
    this.#version11 = version11;
  }

  take(name: string, value: string): void {
    switch (name) {
      case "content-length":
        // Several equal lengths could be taken for one; who sends them has a fault upstream that hides worse ones.
        if (this.#length !== undefined) throw invalidAnswer("repeated content-length");
        if (!DIGITS.test(value) || value.length > LENGTH_DIGITS_MAX) throw invalidAnswer("content-length");
        this.#length = Number(value);
        return;
      case "transfer-encoding":
        if (this.#transferEncoding !== undefined) throw invalidAnswer("repeated transfer-encoding");
        this.#transferEncoding = value.toLowerCase();
        return;
      case "connection":
        this.#takeConnection(value);
        return;
      case "keep-alive": {
        const seconds = KEEP_ALIVE_TIMEOUT.exec(value)?.[1];
        if (seconds !== undefined) this.#keepAliveMs = Number(seconds) * 1000;
        return;
      }
      default:
        return;
    }
  }

  #takeConnection(value: string): void {
    for (const part of value.toLowerCase().split(",")) {
      const option = part.trim();
      if (option === "close") this.#close = true;
      else if (option === "keep-alive") this.#keepAlive = true;
      else if (option !== "") {
        this.#named ??= [];
        this.#named.push(option);
      }
    }
  }

  finish(status: number, headers: HeaderMap): ResponseHead {
    for (const name of this.#named ?? []) headers.remove(name);
    const coding = this.#transferEncoding;
    if (coding !== undefined && coding !== "chunked") throw invalidAnswer("transfer-encoding");
    if (coding !== undefined && this.#length !== undefined)
      throw invalidAnswer("content-length with transfer-encoding");
    const bodyless = status < 200 || status === 204 || status === 304;
    const bodyBytes = bodyless ? 0 : coding === undefined ? (this.#length ?? UNTIL_CLOSE) : CHUNKED;
    // A transfer coding in an HTTP/1.0 answer is a fault after which the connection has to be closed (RFC 9112 6.1).
    const keepsOpen = this.#version11 || (this.#keepAlive && coding === undefined);
    const persistent = keepsOpen && !this.#close && bodyBytes !== UNTIL_CLOSE;
    return { status, headers, bodyBytes, persistent, keepAliveMs: this.#keepAliveMs };
  }
}
