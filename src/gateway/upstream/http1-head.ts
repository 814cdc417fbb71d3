/** The head of an HTTP/1.1 response: status line, headers, and how the body is framed (RFC 9112 sections 4 to 6). */
import { HeaderMap } from "../../wire/headers.ts";
import { endOfLine, type FieldSink, Framing, readFields } from "../../wire/http1-fields.ts";
import { invalidAnswer } from "./failure.ts";
import { isHopByHop } from "./hop-by-hop.ts";

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

const KEEP_ALIVE_TIMEOUT = /(?:^|[\s,])timeout=(\d{1,6})(?:$|[\s,])/;

/**
 * Parses a head.
 *
 * @param bytes From the status line up to and with the line end of the last header; the empty line that ends the head is
 *   not part of it.
 * @throws GatewayError `upstream_invalid`.
 */
export function parseHead(bytes: Buffer): ResponseHead {
  const text = bytes.toString("latin1");
  const status = parseStatusLine(bytes, text);
  const fields = new Fields(bytes[7] === 0x31);
  readFields(bytes, text, text.indexOf("\r\n") + 2, fields, invalidAnswer);
  return fields.finish(status);
}

/** `HTTP/1.` digit, space, three digits, then the line's end or a space and a phrase nobody needs. */
function parseStatusLine(bytes: Buffer, text: string): number {
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)[ \r]/.exec(text)?.[1];
  if (status === undefined) throw invalidAnswer("status line");
  endOfLine(bytes, 12, invalidAnswer);
  return Number(status);
}

/** Gathers the headers of a response. */
class Fields implements FieldSink {
  readonly #flat: string[] = [];
  readonly #framing: Framing;
  #keepAliveMs: number | undefined;

  constructor(isVersion11: boolean) {
    this.#framing = new Framing(isVersion11, invalidAnswer);
  }

  takeField(name: string, value: string): void {
    this.#framing.take(name, value);
    if (name === "keep-alive") {
      const seconds = KEEP_ALIVE_TIMEOUT.exec(value)?.[1];
      if (seconds !== undefined) this.#keepAliveMs = Number(seconds) * 1000;
    }
    if (!isHopByHop(name)) this.#flat.push(name, value);
  }

  finish(status: number): ResponseHead {
    const headers = new HeaderMap(this.#flat);
    for (const name of this.#framing.named) headers.remove(name);
    const framed = this.#framing.bodyBytes();
    const isBodyless = status < 200 || status === 204 || status === 304;
    const bodyBytes = isBodyless ? 0 : (framed ?? UNTIL_CLOSE);
    const persistent = this.#framing.persistent && bodyBytes !== UNTIL_CLOSE;
    return { status, headers, bodyBytes, persistent, keepAliveMs: this.#keepAliveMs };
  }
}
