/** Fields of a request that the backend cannot be told: neither dropped in silence nor fatal, unless a route says so. */
import { GatewayError } from "../../errors/gateway-error.ts";

/** What was lost on the way, as paths into the caller's request (`messages[2].content[0]`, `logit_bias`), each once. */
export class Losses {
  readonly #paths = new Set<string>();

  /** Notes a field that is dropped. */
  drop(path: string): void {
    this.#paths.add(path);
  }

  get paths(): readonly string[] {
    return [...this.#paths];
  }
}

/** The error for a request that cannot be said in the backend's dialect at all; told to the caller as 422. */
export function untranslatable(path: string, why: string): GatewayError {
  return new GatewayError("untranslatable", `invalid request body: ${path}: ${why}`);
}

/** The error for a part that is wrong in the caller's own dialect; told as 400. */
export function malformed(path: string, why: string): GatewayError {
  return new GatewayError("invalid_request", `malformed request: ${path}: ${why}`);
}
