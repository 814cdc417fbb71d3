/**
 * Credentials for backends: the gateway signs for its callers. A credential is written into the headers of one attempt,
 * after translation and mutation, right before the request leaves.
 */
import type { BackendAuth, KeyAuth } from "../config/runtime-config.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import type { HeaderMap } from "../wire/headers.ts";

const BEARER = "Bearer ";

/**
 * Writes a backend's credential into an attempt's headers.
 *
 * @param admitted The caller's own headers, where a credential override is read from.
 * @throws GatewayError `unauthorized` when the credential has to come with the request and did not; `unsupported` for a
 *   kind of credential this build cannot inject.
 */
export function authenticate(auth: BackendAuth, admitted: HeaderMap, upstream: HeaderMap): void {
  if ("override" in auth && auth.override !== undefined) upstream.remove(auth.override.header);
  switch (auth.type) {
    case "none":
      return;
    case "unsupported":
      throw new GatewayError("unsupported", `backend credentials of type ${auth.policyType} are not supported yet`);
    case "APIKey":
      upstream.set("authorization", BEARER + credential(auth, admitted));
      return;
    case "AzureAPIKey":
      upstream.set("api-key", credential(auth, admitted));
      return;
    case "AnthropicAPIKey":
      upstream.set("x-api-key", credential(auth, admitted));
      return;
  }
}

function credential(auth: KeyAuth, admitted: HeaderMap): string {
  const { override } = auth;
  if (override !== undefined) {
    const given = admitted.get(override.header)?.trim();
    // An override may name the Authorization header itself, whose value carries its scheme.
    if (given) return given.startsWith(BEARER) ? given.slice(BEARER.length).trim() : given;
    if (!override.fallbackToConfigured) throw new GatewayError("unauthorized", "missing upstream credential");
  }
  if (auth.key === undefined) throw new GatewayError("unauthorized", "missing upstream credential");
  return auth.key.reveal().trim();
}
