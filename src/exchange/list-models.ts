/** The answer of the models endpoint, which no backend is asked for. */
import { modelListFor } from "../routing/model-list.ts";
import type { Exchange } from "./exchange.ts";

/** An answer made here. */
export interface OwnAnswer {
  readonly status: number;
  /** Alternating lower-case names and values. */
  readonly headers: string[];
  readonly body: Uint8Array;
}

/** The models of the host that the caller asked. */
export function listModels({ dialect, plan, listener, host, record, headers }: Exchange): OwnAnswer {
  // Both vendors list models at /v1/models; Anthropic's clients say which they are by their version header.
  const shape = headers.has("anthropic-version") || dialect === "anthropic" ? "anthropic" : "openai";
  const body = modelListFor(plan.port(listener).models, host)[shape];
  record.status = 200;
  record.responseBytes = body.length;
  const length = String(body.length);
  return {
    status: 200,
    headers: ["content-type", "application/json", "content-length", length, "x-request-id", record.requestId],
    body,
  };
}
