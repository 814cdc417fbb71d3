import type { AIGatewayRoute } from "./ai-gateway-route.ts";
import type { AIServiceBackend } from "./ai-service-backend.ts";
import type { Backend } from "./backend.ts";
import type { BackendSecurityPolicy } from "./backend-security-policy.ts";
import type { BackendTLSPolicy } from "./backend-tls-policy.ts";
import type { BackendTrafficPolicy } from "./backend-traffic-policy.ts";
import type { BudgetPolicy } from "./budget-policy.ts";
import type { ClientTrafficPolicy } from "./client-traffic-policy.ts";
import type { ConfigMap } from "./config-map.ts";
import type { Gateway } from "./gateway.ts";
import type { GatewayClass } from "./gateway-class.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import type { GatewayKey } from "./gateway-key.ts";
import type { QuotaPolicy } from "./quota-policy.ts";
import type { ReferenceGrant } from "./reference-grant.ts";
import type { Resource } from "./resource.ts";
import type { Secret } from "./secret.ts";
import type { SecurityPolicy } from "./security-policy.ts";

/** The type of every kind that is read. */
export interface TypeOfKind {
  AIGatewayRoute: AIGatewayRoute;
  AIServiceBackend: AIServiceBackend;
  BackendSecurityPolicy: BackendSecurityPolicy;
  GatewayConfig: GatewayConfig;
  QuotaPolicy: QuotaPolicy;
  BudgetPolicy: BudgetPolicy;
  GatewayKey: GatewayKey;
  SecurityPolicy: SecurityPolicy;
  Backend: Backend;
  BackendTrafficPolicy: BackendTrafficPolicy;
  ClientTrafficPolicy: ClientTrafficPolicy;
  GatewayClass: GatewayClass;
  Gateway: Gateway;
  BackendTLSPolicy: BackendTLSPolicy;
  ReferenceGrant: ReferenceGrant;
  Secret: Secret;
  ConfigMap: ConfigMap;
}

/** Name of a kind that is read. */
export type KindName = keyof TypeOfKind;

/** Every object of a configuration, in the order of the sources. */
export interface ResourceSet {
  readonly all: readonly Resource<unknown>[];
  /** The objects of one kind. */
  ofKind<Kind extends KindName>(kind: Kind): readonly TypeOfKind[Kind][];
  /** Whether an object is there that has faults of its own, so that a reference to it is no fault of the reference. */
  isBroken(kind: KindName, namespace: string, name: string): boolean;
}

/**
 * Makes a set.
 *
 * @param broken `Kind namespace/name` of objects that could not be read.
 * @param incomplete Whether some text could not be read at all, so that anything may be missing.
 */
export function createResourceSet(
  all: readonly Resource<unknown>[],
  broken: ReadonlySet<string>,
  incomplete: boolean,
): ResourceSet {
  const byKind = new Map<string, Resource<unknown>[]>();
  for (const resource of all) {
    const sameKind = byKind.get(resource.kind);
    if (sameKind === undefined) byKind.set(resource.kind, [resource]);
    else sameKind.push(resource);
  }
  return {
    all,
    // The schema of its kind has been checked for each of them.
    ofKind: <Kind extends KindName>(kind: Kind) => (byKind.get(kind) ?? []) as unknown as TypeOfKind[Kind][],
    isBroken: (kind, namespace, name) => incomplete || broken.has(`${kind} ${namespace}/${name}`),
  };
}
