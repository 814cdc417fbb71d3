/** What `/status` says of the credentials of a policy. */
import type { CredentialHealth } from "../backend-auth/credential-health.ts";
import type { ResourceStatus, StatusCondition } from "../config/runtime-config.ts";

/** Adds the condition CredentialsReady to the policies whose credentials are issued. Several processes may tell of one. */
export function withCredentials(
  statuses: readonly ResourceStatus[],
  health: readonly CredentialHealth[],
): readonly ResourceStatus[] {
  const byPolicy = Map.groupBy(health, ({ policy }) => policy);
  return statuses.map((status) => {
    const told = status.kind === "BackendSecurityPolicy" ? byPolicy.get(status.id) : undefined;
    return told === undefined ? status : { ...status, conditions: [...status.conditions, conditionOf(told)] };
  });
}

/** The worst of them. */
function conditionOf(health: readonly CredentialHealth[]): StatusCondition {
  const type = "CredentialsReady";
  const missing = health.filter(({ ok }) => !ok);
  const failed = missing.find(({ message }) => message !== "");
  if (failed !== undefined) return { type, status: "False", reason: "ExchangeFailed", message: failed.message };
  if (missing.length > 0) {
    return { type, status: "False", reason: "Pending", message: "the credentials are being issued" };
  }
  const until = Math.min(...health.map(({ expiresAtMs }) => expiresAtMs ?? Number.POSITIVE_INFINITY));
  const valid = until === Number.POSITIVE_INFINITY ? "valid" : `valid until ${new Date(until).toISOString()}`;
  const stale = health.find(({ message }) => message !== "");
  if (stale !== undefined) {
    return { type, status: "True", reason: "RenewalFailed", message: `${valid}; ${stale.message}` };
  }
  return { type, status: "True", reason: "Issued", message: valid };
}
