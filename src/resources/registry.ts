/** Every kind this build reads; everything else is collected as ignored, never dropped silently. */
import { AI_GATEWAY_ROUTE } from "./ai-gateway-route.ts";
import { AI_SERVICE_BACKEND } from "./ai-service-backend.ts";
import { BACKEND } from "./backend.ts";
import { BACKEND_SECURITY_POLICY } from "./backend-security-policy.ts";
import { BACKEND_TLS_POLICY } from "./backend-tls-policy.ts";
import { BACKEND_TRAFFIC_POLICY } from "./backend-traffic-policy.ts";
import { BUDGET_POLICY } from "./budget-policy.ts";
import { CLIENT_TRAFFIC_POLICY } from "./client-traffic-policy.ts";
import { CONFIG_MAP } from "./config-map.ts";
import { GATEWAY } from "./gateway.ts";
import { GATEWAY_CLASS } from "./gateway-class.ts";
import { GATEWAY_CONFIG } from "./gateway-config.ts";
import { GATEWAY_KEY } from "./gateway-key.ts";
import type { KindDefinition } from "./kind.ts";
import { QUOTA_POLICY } from "./quota-policy.ts";
import { REFERENCE_GRANT } from "./reference-grant.ts";
import { SECRET } from "./secret.ts";
import { SECURITY_POLICY } from "./security-policy.ts";
import { didYouMean, suggest } from "./suggest.ts";

/** The kinds, each with its group and versions. */
export const KINDS: readonly KindDefinition[] = [
  AI_GATEWAY_ROUTE,
  AI_SERVICE_BACKEND,
  BACKEND_SECURITY_POLICY,
  GATEWAY_CONFIG,
  QUOTA_POLICY,
  BUDGET_POLICY,
  GATEWAY_KEY,
  BACKEND,
  BACKEND_TRAFFIC_POLICY,
  CLIENT_TRAFFIC_POLICY,
  SECURITY_POLICY,
  GATEWAY_CLASS,
  GATEWAY,
  BACKEND_TLS_POLICY,
  REFERENCE_GRANT,
  SECRET,
  CONFIG_MAP,
];

/** Kinds of the same APIs that this build does not read. */
const UNREAD: Readonly<Record<string, readonly string[]>> = {
  "aigateway.envoyproxy.io": ["MCPRoute"],
  "gateway.envoyproxy.io": [
    "EnvoyProxy",
    "EnvoyGateway",
    "EnvoyExtensionPolicy",
    "EnvoyPatchPolicy",
    "HTTPRouteFilter",
  ],
  "gateway.networking.k8s.io": ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "ListenerSet"],
};

/** What an apiVersion and kind stand for. */
export type Identified =
  | { readonly definition: KindDefinition }
  | { readonly ignored: true }
  | { readonly field: "apiVersion" | "kind"; readonly reason: string };

/** Finds the kind of an object, or what is wrong with its name. */
export function identify(apiVersion: string, kind: string): Identified {
  const [group, version] = splitApiVersion(apiVersion);
  const definition = KINDS.find((known) => known.kind === kind && known.group === group);
  if (definition !== undefined) {
    if (definition.versions.includes(version)) return { definition };
    const served = definition.versions.map((known) => apiVersionOf(definition, known)).join(" or ");
    return { field: "apiVersion", reason: `${kind} is not known in version "${apiVersion}"; write ${served}` };
  }
  if (UNREAD[group]?.includes(kind)) return { ignored: true };
  return meantKind(group, kind) ?? meantGroup(apiVersion, group, kind) ?? { ignored: true };
}

/** Groups in which nobody else has kinds. */
const OWN_GROUPS = ["aigateway.envoyproxy.io", "aigw.dev"];

/** A kind of the right group that is spelled almost like one we know. */
function meantKind(group: string, kind: string): Identified | undefined {
  const unread = UNREAD[group];
  const known = [...KINDS.filter((definition) => definition.group === group).map((it) => it.kind), ...(unread ?? [])];
  const meant = suggest(kind, known);
  if (meant !== undefined) return { field: "kind", reason: `"${kind}" is not a known kind; did you mean "${meant}"?` };
  // One that we do not know is a mistake there.
  if (!OWN_GROUPS.includes(group)) return undefined;
  return { field: "kind", reason: `"${kind}" is not a known kind; known in ${group} are ${known.join(", ")}` };
}

/** A kind we know, in a group that is spelled almost like its own. */
function meantGroup(apiVersion: string, group: string, kind: string): Identified | undefined {
  const sameKind = KINDS.filter((definition) => definition.kind === kind);
  const meant = sameKind.find((definition) => suggest(group, [definition.group]) !== undefined);
  if (meant !== undefined) {
    const written = apiVersionOf(meant, meant.versions[0] ?? "");
    return { field: "apiVersion", reason: `${kind} is not known in "${apiVersion}"; did you mean "${written}"?` };
  }
  // A kind of ours under a foreign group belongs to somebody else, unless only we have a kind of that name.
  const [only] = sameKind;
  if (only === undefined || !OWN_GROUPS.includes(only.group)) return undefined;
  const candidates = only.versions.map((version) => apiVersionOf(only, version));
  const hint = didYouMean(apiVersion, candidates) || `; write ${candidates.join(" or ")}`;
  return { field: "apiVersion", reason: `${kind} is not known in "${apiVersion}"${hint}` };
}

function splitApiVersion(apiVersion: string): [group: string, version: string] {
  const slash = apiVersion.indexOf("/");
  return slash === -1 ? ["", apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}

function apiVersionOf({ group }: KindDefinition, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}
