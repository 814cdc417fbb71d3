/** Which traffic policies of Envoy Gateway are in force for a listener or a route. */
import type { AIGatewayRoute } from "../resources/ai-gateway-route.ts";
import type { BackendTrafficPolicy } from "../resources/backend-traffic-policy.ts";
import type { ClientTrafficPolicy } from "../resources/client-traffic-policy.ts";
import { idOf } from "../resources/field-path.ts";
import type { Gateway } from "../resources/gateway.ts";
import { targetsOf } from "../resources/policy-target.ts";
import { quantityBytes } from "../resources/quantity.ts";
import type { PolicyTargetRef } from "../resources/schema.ts";
import type { Compilation } from "./compilation.ts";
import { compileRateLimits, type LimitOfRoute } from "./compile-rate-limits.ts";
import { compileTraffic } from "./compile-traffic.ts";
import type { Limit } from "./limits.ts";
import type { References } from "./references.ts";
import type { TrafficPolicy } from "./traffic-policy.ts";

/** Largest request body unless a ClientTrafficPolicy says otherwise: prompts with images are large. */
export const BODY_BYTES_MAX = 64 * 1024 * 1024;

/** In a cluster every AIGatewayRoute becomes an HTTPRoute of its name, which is what policies target there. */
const KIND_OF_TARGET: Readonly<Record<string, "Gateway" | "AIGatewayRoute">> = {
  Gateway: "Gateway",
  HTTPRoute: "AIGatewayRoute",
  AIGatewayRoute: "AIGatewayRoute",
};

/** Reports policies for what is not there, for what has one already, and for what cannot have one. */
export function checkPolicyTargets(compilation: Compilation, references: References): void {
  const { set } = compilation;
  const firsts = new Map<string, ClientTrafficPolicy | BackendTrafficPolicy>();
  for (const policy of [...set.ofKind("ClientTrafficPolicy"), ...set.ofKind("BackendTrafficPolicy")]) {
    for (const { ref, path } of targetsOf(policy.spec)) {
      const kind = KIND_OF_TARGET[ref.kind];
      if (kind === undefined || (kind === "AIGatewayRoute" && policy.kind === "ClientTrafficPolicy")) {
        compilation.notice(policy, path, `a target of kind ${ref.kind} is not applied by this gateway`);
        continue;
      }
      const { name, namespace, sectionName = "" } = ref;
      const target = references.resolve({ from: policy, path, kind, name, namespace });
      if (target === undefined) continue;
      if (sectionName !== "" && policy.kind === "BackendTrafficPolicy") {
        const reason = "is not applied by this gateway: a BackendTrafficPolicy is for a whole route or Gateway";
        compilation.notice(policy, [...path, "sectionName"], reason);
        continue;
      }
      const identity = `${policy.kind} ${kind} ${idOf(target)} ${sectionName}`;
      const first = firsts.get(identity);
      if (first === undefined) firsts.set(identity, policy);
      else compilation.notice(policy, path, `is not applied: ${policy.kind} ${idOf(first)} is already for it`);
    }
  }
}

/** The policy for a listener: one that names it goes, as a whole, before one for its whole Gateway. */
export function clientPolicyOf(
  gateway: Gateway,
  listener: string,
  compilation: Compilation,
): ClientTrafficPolicy | undefined {
  const policies = compilation.set.ofKind("ClientTrafficPolicy");
  const policyFor = (sectionName: string | undefined) =>
    policies.find(({ metadata, spec }) =>
      targetsOf(spec).some(
        ({ ref }) => isTarget(ref, metadata.namespace, gateway, ["Gateway"]) && ref.sectionName === sectionName,
      ),
    );
  return policyFor(listener) ?? policyFor(undefined);
}

/** Largest request body under a policy. */
export function bodyBytesMax(policy: ClientTrafficPolicy | undefined): number {
  return quantityBytes(policy?.spec.connection?.bufferLimit ?? "") ?? BODY_BYTES_MAX;
}

/** What came of a policy. */
interface Compiled {
  readonly traffic: TrafficPolicy;
  readonly limits: readonly LimitOfRoute[];
}

/** Compiles each BackendTrafficPolicy once, however many routes it is for, so that each finding is told once. */
export class TrafficPolicies {
  readonly #compiled: ReadonlyMap<BackendTrafficPolicy, Compiled>;

  constructor(compilation: Compilation) {
    const policies = compilation.set.ofKind("BackendTrafficPolicy");
    this.#compiled = new Map(
      policies.map((policy) => [
        policy,
        { traffic: compileTraffic(policy, compilation), limits: compileRateLimits(policy, compilation) },
      ]),
    );
  }

  /** The policy of a route: one for it goes, as a whole, before one for its Gateway. */
  trafficPolicy(route: AIGatewayRoute, gateway: Gateway | undefined): TrafficPolicy | undefined {
    return this.#of(route, gateway)?.traffic;
  }

  /** The rate limits of that policy. */
  rateLimits(route: AIGatewayRoute, gateway: Gateway | undefined): Limit[] {
    return (this.#of(route, gateway)?.limits ?? []).map((limitOf) => limitOf(idOf(route)));
  }

  #of(route: AIGatewayRoute, gateway: Gateway | undefined): Compiled | undefined {
    return (
      this.#policyFor(route, ["HTTPRoute", "AIGatewayRoute"]) ?? (gateway && this.#policyFor(gateway, ["Gateway"]))
    );
  }

  #policyFor(object: AIGatewayRoute | Gateway, kinds: readonly string[]): Compiled | undefined {
    for (const [{ metadata, spec }, compiled] of this.#compiled) {
      const isFor = targetsOf(spec).some(
        ({ ref }) => isTarget(ref, metadata.namespace, object, kinds) && (ref.sectionName ?? "") === "",
      );
      if (isFor) return compiled;
    }
    return undefined;
  }
}

/** Whether a target of a policy is an object, under one of the names of its kind. */
export function isTarget(
  ref: PolicyTargetRef,
  policyNamespace: string,
  { metadata }: AIGatewayRoute | Gateway,
  kinds: readonly string[],
): boolean {
  const namespace = ref.namespace ?? policyNamespace;
  return kinds.includes(ref.kind) && ref.name === metadata.name && namespace === metadata.namespace;
}
