/** Answers for bytes that never became a request: malformed, smuggled or oversized heads, heads that did not arrive. */
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { GatewayError } from "../errors/gateway-error.ts";
import { renderError } from "../errors/to-response.ts";
import { Exchange } from "../exchange/exchange.ts";
import { settle } from "../exchange/settle.ts";
import { HeaderMap } from "../wire/headers.ts";
import type { EmbeddedHost } from "./host.ts";

/** Answers with an error, closes the connection, and writes the log line every request gets. */
export function refuse(host: EmbeddedHost, cause: Error & { code?: string }, socket: Duplex): void {
  if (cause.code === "ECONNRESET" || !socket.writable) {
    // Nobody is there to be answered, and no request was made.
    socket.destroy();
    return;
  }
  const error = explain(cause);
  const call = host.readingFrom(socket);
  if (call !== undefined) {
    // The head was good and is being served; it is the body that is malformed.
    call.fail(error);
    return;
  }
  const exchange = new Exchange(host.context, host.plan, {
    method: "",
    target: "",
    host: "",
    headers: new HeaderMap(),
  });
  const { record } = exchange;
  const { status, headers, body } = renderError(error, "openai", record.requestId);
  record.status = status;
  record.outcome = "error";
  record.errorType = error.code;
  record.errorMessage = `${error.message} (${cause.code ?? cause.message})`;
  record.responseBytes = body.length;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  socket.end(Buffer.concat([Buffer.from(`${head}\r\n`, "latin1"), body]), () => socket.destroy());
  settle(exchange, true);
}

function explain(cause: Error & { code?: string }): GatewayError {
  switch (cause.code) {
    case "HPE_HEADER_OVERFLOW":
      return new GatewayError("headers_too_large", "the request headers are larger than this gateway takes");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new GatewayError("request_timeout", "the request head did not arrive in time");
    default:
      return new GatewayError("invalid_request", "malformed request: not valid HTTP");
  }
}
