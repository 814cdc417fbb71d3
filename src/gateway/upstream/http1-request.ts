/** The head of an HTTP/1.1 request (RFC 9112 section 3). */
import type { HeaderMap } from "../../wire/headers.ts";
import { checkHeader, checkTarget } from "./request-guard.ts";
import type { UpstreamRequest } from "./upstream.ts";

/**
 * Writes a request's head, to be sent as latin1.
 *
 * @param authority Value of the Host header.
 * @throws GatewayError `internal` when a part holds what cannot be written.
 */
export function encodeHead(request: UpstreamRequest, authority: string): string {
  const { method, path, body } = request;
  checkTarget(method, path);
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n${encodeHeaders(request.headers)}`;
  // RFC 9110 section 8.6: where a method usually has content, its absence is said too.
  if (body.length > 0 || method === "POST" || method === "PUT" || method === "PATCH") {
    head += `content-length: ${body.length}\r\n`;
  }
  return `${head}\r\n`;
}

function encodeHeaders(headers: HeaderMap): string {
  const { flat } = headers;
  let text = "";
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i] as string;
    const value = flat[i + 1] as string;
    if (checkHeader(name, value)) text += `${name}: ${value}\r\n`;
  }
  return text;
}
