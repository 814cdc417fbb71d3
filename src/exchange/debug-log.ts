/** What a log at level debug says of a request's phases: heads with their credentials masked, bodies without contents. */

import { redactBody, redactHeaders } from "../telemetry/redact.ts";
import type { HeaderMap } from "../wire/headers.ts";
import type { Attempt } from "./attempt.ts";
import type { Exchange } from "./exchange.ts";

/** Logs a request as it came in. */
export function logRequest({ context, record, headers }: Exchange, body: Uint8Array): void {
  if (!context.log.enabled("debug")) return;
  const { requestId, method, path } = record;
  context.log.debug("request", { requestId, method, path, headers: redactHeaders(headers), body: redactBody(body) });
}

/** Logs a request as it goes out. */
export function logAttempt({ context, record }: Exchange, { ref, path, headers, body }: Attempt): void {
  if (!context.log.enabled("debug")) return;
  const { requestId } = record;
  const fields = { requestId, backend: ref.id, path, headers: redactHeaders(headers), body: redactBody(body) };
  context.log.debug("attempt", fields);
}

/** Logs the head of an upstream's answer. */
export function logAnswer({ context, record }: Exchange, status: number, headers: HeaderMap): void {
  if (!context.log.enabled("debug")) return;
  context.log.debug("answer", { requestId: record.requestId, status, headers: redactHeaders(headers) });
}
