/** How an attempt that cannot begin ends its request: told to Envoy by one stream, understood again by the other. */
import { ERROR_CODES, type ErrorCode, GatewayError } from "../errors/gateway-error.ts";
import { renderError } from "../errors/to-response.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { ProcessingResponse } from "./codec/messages.ts";
import { headerEdits } from "./header-edits.ts";

/** Begins the response code details of every answer we make. */
const DETAILS = "aigw_";

/** The reply that ends a request whose attempt cannot begin. */
export function refusal(exchange: Exchange, thrown: unknown): ProcessingResponse {
  const error = GatewayError.from(thrown);
  const { status, headers, body } = renderError(error, exchange.dialect, exchange.record.requestId);
  return { answer: immediate(status, headers, body, error.code) };
}

/** The reply to an attempt of a request that is not known here. */
export function lost(error: GatewayError): ProcessingResponse {
  const { status, headers, body } = renderError(error, "openai", "");
  return { answer: immediate(status, headers, body, error.code) };
}

/** A reply of ours; `why` is an error code, or a word for what it is. */
export function immediate(status: number, headers: readonly string[], body: Uint8Array, why: string) {
  // Envoy counts the body itself.
  const { set } = headerEdits([], headers);
  return { phase: "immediate", status, headers: { set }, body, details: DETAILS + why } as const;
}

/** The error that an answer's response code details tell of, when no reason was kept. */
export function refusedBy(details: string): GatewayError | undefined {
  const code = details.startsWith(DETAILS) ? details.slice(DETAILS.length) : "";
  if (!isErrorCode(code)) return undefined;
  return new GatewayError(code, "the attempt could not begin");
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
