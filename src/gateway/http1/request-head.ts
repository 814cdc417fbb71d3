/** The head of an HTTP/1.1 request: request line, headers, and how the body is framed (RFC 9112 sections 3, 5 and 6). */
import { GatewayError } from "../../errors/gateway-error.ts";
import { admitHeaders } from "../../exchange/door.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import { CHUNKED, type FieldSink, Framing, readFields } from "../../wire/http1-fields.ts";
import { malformed } from "../malformed.ts";

/** Largest head of a request, as Envoy takes by default. */
export const HEAD_BYTES_MAX = 60 * 1024;
/** Most headers of a request, as Envoy takes by default. */
const HEADERS_MAX = 100;

/** A parsed head. */
export interface ParsedHead {
  readonly method: string;
  /** In origin form, with query. */
  readonly target: string;
  readonly host: string;
  /** What passed the door; the receiver's to change. */
  readonly headers: HeaderMap;
  /** Length of the body, or CHUNKED. */
  readonly bodyBytes: number;
  /** False in HTTP/1.0. */
  readonly isVersion11: boolean;
  /** Whether the caller wants to use the connection again. */
  readonly persistent: boolean;
  /** Whether the caller waits for 100 Continue before it sends the body. */
  readonly expectsContinue: boolean;
  /** Where the value of content-length stands in the head, -1 without one. */
  readonly lengthAt: number;
}

/**
 * Method, target and version. Methods are upper case here, though any token could be one: what is not served is refused
 * later, and what does not look like a method is no HTTP.
 */
const REQUEST_LINE = /^([A-Z]{1,20}) ([!-~]+) HTTP\/1\.([01])\r\n/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]+)(.*)$/i;
/** Host or address with an optional port; who is listening decides what else it means (RFC 3986 section 3.2.2). */
const AUTHORITY = /^(?:[\w.~!$&'()*+;=%-]*|\[[\da-f:.]+\])(?::\d*)?$/i;

/**
 * Parses a head.
 *
 * @param bytes From the request line up to and with the line end of the last header; the empty line that ends the head is
 *   not part of it.
 * @throws GatewayError `invalid_request`, `headers_too_large`.
 */
export function parseHead(bytes: Buffer): ParsedHead {
  const text = bytes.toString("latin1");
  const line = REQUEST_LINE.exec(text);
  if (line === null) throw malformed("request line");
  const [{ length }, method = "", target = "", minor] = line;
  if (method === "CONNECT") throw malformed("CONNECT is not served");
  const fields = new Fields(minor === "1");
  readFields(bytes, text, length, fields, malformed);
  return fields.finish(method, target);
}

/** Gathers the headers of a request. */
class Fields implements FieldSink {
  readonly #isVersion11: boolean;
  readonly #framing: Framing;
  readonly #flat: string[] = [];
  #host: string | undefined;
  #expectsContinue = false;
  #lengthAt = -1;

  constructor(isVersion11: boolean) {
    this.#isVersion11 = isVersion11;
    this.#framing = new Framing(isVersion11, malformed);
  }

  takeField(name: string, value: string, start: number): void {
    if (this.#flat.push(name, value) > 2 * HEADERS_MAX) throw headersTooLarge();
    this.#framing.take(name, value);
    if (name === "host") {
      // With two, each hop may route by another (RFC 9112 section 3.2).
      if (this.#host !== undefined) throw malformed("exactly one Host header is wanted");
      if (!AUTHORITY.test(value)) throw malformed("Host header");
      this.#host = value;
    } else if (name === "expect") {
      // Other expectations may be ignored (RFC 9110 section 10.1.1), and all of HTTP/1.0's have to be.
      if (this.#isVersion11 && value.toLowerCase() === "100-continue") this.#expectsContinue = true;
    } else if (name === "content-length") this.#lengthAt = start;
  }

  finish(method: string, target: string): ParsedHead {
    const isVersion11 = this.#isVersion11;
    if (isVersion11 && this.#host === undefined) throw malformed("exactly one Host header is wanted");
    const framed = this.#framing.bodyBytes();
    // Chunks in HTTP/1.0 are a fault of the sender's, behind which another request may hide (RFC 9112 section 6.1).
    if (framed === CHUNKED && !isVersion11) throw malformed("transfer-encoding in HTTP/1.0");
    return {
      method,
      ...splitTarget(target, method, this.#host ?? ""),
      headers: admitHeaders(this.#flat),
      bodyBytes: framed ?? 0,
      isVersion11,
      persistent: this.#framing.persistent,
      expectsContinue: this.#expectsContinue,
      lengthAt: this.#lengthAt,
    };
  }
}

/** A target in absolute form names the host it is for, whatever the Host header says (RFC 9112 section 3.2.2). */
function splitTarget(target: string, method: string, host: string): { target: string; host: string } {
  if (target.startsWith("/") || (target === "*" && method === "OPTIONS")) return { target, host };
  const [, authority = "", path = ""] = ABSOLUTE_FORM.exec(target) ?? [];
  if (authority === "" || !AUTHORITY.test(authority)) throw malformed("request target");
  return { target: path.startsWith("/") ? path : `/${path}`, host: authority };
}

/** The error for a head with more than is taken. */
export function headersTooLarge(): GatewayError {
  return new GatewayError("headers_too_large", "the request headers are larger than this gateway takes");
}
