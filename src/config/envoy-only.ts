import type { FieldPath, Resource } from "../resources/resource.ts";
import type { Compilation } from "./compilation.ts";

/** Settings that the embedded host does not apply. */
const OF_BACKEND_POLICIES: readonly FieldPath[] = [
  ["retry"],
  ["healthCheck"],
  ["circuitBreaker"],
  ["loadBalancer"],
  ["timeout", "http", "connectionIdleTimeout"],
  ["timeout", "http", "maxConnectionDuration"],
];
/** Without Envoy there is no metadata: every caller comes without a credential of its own. */
const OF_SECURITY_POLICIES: readonly FieldPath[] = [["credentialOverride", "fromDynamicMetadata"]];
const OF_CLIENT_POLICIES: readonly FieldPath[] = [["http3"]];

/** Tells what of a configuration only the Envoy host applies, for when another host is to serve it. */
export function noticeEnvoyOnly(compilation: Compilation): void {
  const { set } = compilation;
  for (const policy of set.ofKind("BackendTrafficPolicy")) noticeGiven(policy, OF_BACKEND_POLICIES, compilation);
  for (const policy of set.ofKind("ClientTrafficPolicy")) noticeGiven(policy, OF_CLIENT_POLICIES, compilation);
  for (const policy of set.ofKind("BackendSecurityPolicy")) noticeGiven(policy, OF_SECURITY_POLICIES, compilation);
}

function noticeGiven(policy: Resource<unknown>, fields: readonly FieldPath[], compilation: Compilation): void {
  for (const field of fields) {
    if (valueAt(policy.spec, field) === undefined) continue;
    compilation.notice(policy, ["spec", ...field], "is applied only by the Envoy host: aigw run --host envoy");
  }
}

function valueAt(object: unknown, [first, ...rest]: FieldPath): unknown {
  if (first === undefined || typeof object !== "object" || object === null) return object;
  return valueAt(Reflect.get(object, first), rest);
}
