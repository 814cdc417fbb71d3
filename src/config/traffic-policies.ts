/** What the traffic policies of Envoy Gateway say about listeners and routes. */
import type { AIGatewayRoute } from "../resources/ai-gateway-route.ts";
import { durationMs } from "../resources/duration.ts";
import type { Gateway } from "../resources/gateway.ts";
import { targetsOf } from "../resources/policy-target.ts";
import { quantityBytes } from "../resources/quantity.ts";
import type { PolicyTargetRef } from "../resources/schema.ts";
import type { Compilation } from "./compilation.ts";
import type { References } from "./references.ts";

/** Largest request body unless a ClientTrafficPolicy says otherwise: prompts with images are large. */
export const BODY_BYTES_MAX = 64 * 1024 * 1024;

/** Timeouts that a BackendTrafficPolicy gives a route, in milliseconds. */
export interface TrafficTimeouts {
  readonly connectMs: number | undefined;
  readonly requestMs: number | undefined;
}

/** Reports policies for Gateways and routes that are not there. */
export function checkPolicyTargets(compilation: Compilation, references: References): void {
  const { set } = compilation;
  for (const policy of [...set.ofKind("ClientTrafficPolicy"), ...set.ofKind("BackendTrafficPolicy")]) {
    for (const { ref, path } of targetsOf(policy.spec)) {
      const kind = KIND_OF_TARGET[ref.kind];
      if (kind === undefined || (kind === "AIGatewayRoute" && policy.kind === "ClientTrafficPolicy")) {
        compilation.notice(policy, path, `a target of kind ${ref.kind} is not applied by this gateway`);
      } else {
        references.resolve({ from: policy, path, kind, name: ref.name, namespace: ref.namespace });
      }
    }
  }
}

/** In a cluster every AIGatewayRoute becomes an HTTPRoute of its name, which is what policies target there. */
const KIND_OF_TARGET: Readonly<Record<string, "Gateway" | "AIGatewayRoute">> = {
  Gateway: "Gateway",
  HTTPRoute: "AIGatewayRoute",
  AIGatewayRoute: "AIGatewayRoute",
};

/** Largest request body of a listener: a policy for it goes before one for its whole Gateway. */
export function bodyBytesMax(gateway: Gateway, listener: string, compilation: Compilation): number {
  let ofGateway: number | undefined;
  for (const { metadata, spec } of compilation.set.ofKind("ClientTrafficPolicy")) {
    const limit = spec.connection?.bufferLimit;
    if (limit === undefined) continue;
    for (const { ref } of targetsOf(spec)) {
      if (!isTarget(ref, metadata.namespace, gateway, ["Gateway"])) continue;
      if (ref.sectionName === listener) return quantityBytes(limit) ?? BODY_BYTES_MAX;
      if (ref.sectionName === undefined) ofGateway ??= quantityBytes(limit);
    }
  }
  return ofGateway ?? BODY_BYTES_MAX;
}

/** Timeouts of a route: a policy for it goes, as a whole, before one for its Gateway. */
export function trafficTimeouts(
  route: AIGatewayRoute,
  gateway: Gateway | undefined,
  compilation: Compilation,
): TrafficTimeouts {
  const policies = compilation.set.ofKind("BackendTrafficPolicy");
  const policyFor = (object: AIGatewayRoute | Gateway, kinds: readonly string[]) =>
    policies.find(({ metadata, spec }) =>
      targetsOf(spec).some(({ ref }) => isTarget(ref, metadata.namespace, object, kinds)),
    );
  const policy = policyFor(route, ["HTTPRoute", "AIGatewayRoute"]) ?? (gateway && policyFor(gateway, ["Gateway"]));
  const timeout = policy?.spec.timeout;
  return {
    connectMs: durationMs(timeout?.tcp?.connectTimeout ?? ""),
    requestMs: durationMs(timeout?.http?.requestTimeout ?? ""),
  };
}

function isTarget(
  ref: PolicyTargetRef,
  policyNamespace: string,
  { metadata }: AIGatewayRoute | Gateway,
  kinds: readonly string[],
): boolean {
  const namespace = ref.namespace ?? policyNamespace;
  return kinds.includes(ref.kind) && ref.name === metadata.name && namespace === metadata.namespace;
}
