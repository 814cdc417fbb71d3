/** The answer of the models endpoint, which no backend is asked for. */
import { buildModelLists, type ModelLists, modelListFor } from "../routing/model-list.ts";
import { callerFor, mayUse } from "./caller.ts";
import type { Exchange } from "./exchange.ts";

/** An answer made here. */
export interface OwnAnswer {
  readonly status: number;
  /** Alternating lower-case names and values. */
  readonly headers: string[];
  readonly body: Uint8Array;
}

/** The models of the host that the caller asked, as far as it may use them. */
export function listModels(exchange: Exchange): OwnAnswer {
  const { dialect, host, record, headers } = exchange;
  // Both vendors list models at /v1/models; Anthropic's clients say which they are by their version header.
  const shape = headers.has("anthropic-version") || dialect === "anthropic" ? "anthropic" : "openai";
  const body = modelListFor(listsFor(exchange), host)[shape];
  record.status = 200;
  record.responseBytes = body.length;
  const length = String(body.length);
  return {
    status: 200,
    headers: ["content-type", "application/json", "content-length", length, "x-request-id", record.requestId],
    body,
  };
}

function listsFor(exchange: Exchange): ModelLists {
  const { plan, listener } = exchange;
  const { models, callers } = plan.port(listener);
  if (callers === undefined) return models;
  const routes = plan.config.listeners.find(({ name }) => name === listener)?.routes ?? [];
  const byRoute = new Map(routes.map((route) => [route, callerFor(exchange, route)]));
  return buildModelLists(routes, (route, model) => {
    const caller = byRoute.get(route);
    return caller !== undefined && mayUse(caller, model);
  });
}
