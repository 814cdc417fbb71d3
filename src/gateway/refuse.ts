import type { GatewayError } from "../errors/gateway-error.ts";
import { renderError } from "../errors/to-response.ts";
import { Exchange } from "../exchange/exchange.ts";
import { settle } from "../exchange/settle.ts";
import { HeaderMap } from "../wire/headers.ts";
import type { EmbeddedHost } from "./host.ts";
import { encodeHead } from "./http1/answer-head.ts";

/**
 * The answer, in HTTP/1.1, to bytes that never became a request: malformed, smuggled or oversized heads, heads that did not
 * arrive. It ends its connection, and has the log line that every request gets.
 */
export function refuse(host: EmbeddedHost, listener: string, error: GatewayError): Buffer {
  const head = { listener, peer: { address: undefined }, method: "", target: "", host: "", headers: new HeaderMap() };
  const exchange = new Exchange(host.context, host.plan, head);
  const { record } = exchange;
  const { status, headers, body } = renderError(error, "openai", record.requestId);
  record.status = status;
  record.outcome = "error";
  record.errorType = error.code;
  record.errorMessage = error.message;
  record.responseBytes = body.length;
  settle(exchange, true);
  const own = `content-length: ${body.length}\r\nconnection: close\r\n`;
  return Buffer.concat([Buffer.from(encodeHead(status, headers, own), "latin1"), body]);
}
