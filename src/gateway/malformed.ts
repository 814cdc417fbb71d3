import { GatewayError } from "../errors/gateway-error.ts";

/** The error for bytes that are no HTTP request; `reason` is a fixed phrase, never what was received. */
export function malformed(reason: string): GatewayError {
  return new GatewayError("invalid_request", `malformed request: not valid HTTP: ${reason}`);
}
