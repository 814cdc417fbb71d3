/** Phase 1, accept: from the head of a request to its endpoint, before any of the body is read. */
import type { Endpoint } from "../endpoints/endpoint.ts";
import { findEndpoint } from "../endpoints/registry.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Finds the endpoint of a request.
 *
 * @throws GatewayError `unknown_path`, `method_not_allowed`.
 */
export function accept(exchange: Exchange): Endpoint {
  const { record } = exchange;
  const endpoint = findEndpoint(record.path);
  if (endpoint === undefined) throw new GatewayError("unknown_path", `unsupported path: ${exchange.target}`);
  exchange.endpoint = endpoint;
  record.endpoint = endpoint.name;
  record.operation = endpoint.operation;
  if (record.method !== endpoint.method) {
    const message = `method ${record.method} is not allowed on ${record.path}: use ${endpoint.method}`;
    throw new GatewayError("method_not_allowed", message, { headers: { allow: endpoint.method } });
  }
  return endpoint;
}
