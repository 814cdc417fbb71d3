/** Phase 2, admit: from the whole body to the route that will serve it. */
import { GatewayError } from "../errors/gateway-error.ts";
import { invariant } from "../errors/invariant.ts";
import { match, type RouteMatch } from "../routing/route-table.ts";
import { authorize } from "./caller.ts";
import { logRequest } from "./debug-log.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Reads what routing needs from the body and picks the route, which has to be one that the caller may use.
 *
 * @throws GatewayError `invalid_request`, `model_not_found`, `unauthorized`, `forbidden`.
 */
export function admit(exchange: Exchange, body: Uint8Array): RouteMatch {
  const { endpoint, record, headers, plan } = exchange;
  invariant(endpoint?.parse, "only endpoints with a body are admitted");
  exchange.body = body;
  logRequest(exchange, body);
  record.requestBytes = body.length;
  const parsed = endpoint.parse(body, headers.get("content-type"), exchange.target);
  exchange.parsed = parsed;
  record.originalModel = parsed.model;
  record.requestModel = parsed.model;
  record.stream = parsed.stream;

  const { routes } = plan.port(exchange.listener);
  const found = match(routes, exchange.host, headers, parsed.model);
  if (found === undefined) throw noRoute(parsed.model);
  exchange.match = found;
  record.route = found.route.id;
  record.rule = found.rule.name ?? String(found.rule.index);
  authorize(exchange, found.route);
  return found;
}

function noRoute(model: string): GatewayError {
  if (model === "") return new GatewayError("invalid_request", "malformed request: model field is required");
  const shown = JSON.stringify(model.length > 100 ? `${model.slice(0, 100)}…` : model);
  return new GatewayError("model_not_found", `no route is configured for the model ${shown}`);
}
