/** The head of an HTTP/1.1 answer (RFC 9112 section 4). */
import { STATUS_CODES } from "node:http";
import { isFieldValue } from "../../wire/http1-fields.ts";
import { isHopByHop } from "../upstream/hop-by-hop.ts";

const SECOND_MS = 1000;
let dateText = "";
let dateSecond = -1;

/**
 * Writes a head, to be sent as latin1.
 *
 * @param headers Alternating lower-case names and values. Those about the connection and the length are left out: they are
 *   the connection's own.
 * @param own Lines of the connection's own, each with its end.
 */
export function encodeHead(status: number, headers: readonly string[], own: string): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  let isDated = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (name === "content-length" || isHopByHop(name) || !isFieldValue(value)) continue;
    if (name === "date") isDated = true;
    text += `${name}: ${value}\r\n`;
  }
  // A server with a clock says when it answered (RFC 9110 section 6.6.1).
  if (!isDated) text += `date: ${now()}\r\n`;
  return `${text}${own}\r\n`;
}

function now(): string {
  const second = Math.floor(Date.now() / SECOND_MS);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * SECOND_MS).toUTCString();
  }
  return dateText;
}
