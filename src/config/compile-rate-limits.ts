/** Rate limits of a BackendTrafficPolicy, as limits of one of its routes
 * (https://gateway.envoyproxy.io/latest/api/extension_types/#ratelimitspec). */
import type { BackendTrafficPolicy } from "../resources/backend-traffic-policy.ts";
import { idOf } from "../resources/field-path.ts";
import type { RateLimitCost, RateLimitRule } from "../resources/rate-limit.ts";
import type { FieldPath } from "../resources/resource.ts";
import type { Compilation } from "./compilation.ts";
import { type Admission, admissionOf } from "./limit-admission.ts";
import { compileSelectors } from "./limit-selectors.ts";
import type { AnswerCost, Limit } from "./limits.ts";

/** Where costs of answers stand that rules of Envoy AI Gateway's users name. */
const COST_NAMESPACE = "io.envoy.ai_gateway";
const SECOND = 1000;
const DAY = 86_400 * SECOND;

/** As long as Envoy's rate limit service takes them to be (https://github.com/envoyproxy/ratelimit#rate-limit-definition). */
const UNIT_MS = {
  Second: SECOND,
  Minute: 60 * SECOND,
  Hour: 3600 * SECOND,
  Day: DAY,
  Month: 30 * DAY,
  Year: 365 * DAY,
} as const;

/** A limit that is not yet said to be for any route. */
export type LimitOfRoute = (routeId: string) => Limit;

/** Compiles a policy's rules; what cannot be counted is left out after a notice. */
export function compileRateLimits(policy: BackendTrafficPolicy, compilation: Compilation): LimitOfRoute[] {
  const { global, local } = policy.spec.rateLimit ?? {};
  const admission = admissionOf(policy, compilation);
  const compileAll = (rules: readonly RateLimitRule[], which: "global" | "local") =>
    rules.map((rule, index) =>
      compileRule(rule, {
        policy,
        compilation,
        which,
        index,
        admission,
        path: ["spec", "rateLimit", which, "rules", index],
      }),
    );
  return [...compileAll(global?.rules ?? [], "global"), ...compileAll(local?.rules ?? [], "local")];
}

interface RuleContext {
  readonly policy: BackendTrafficPolicy;
  readonly compilation: Compilation;
  readonly which: "global" | "local";
  readonly index: number;
  readonly admission: Admission;
  readonly path: FieldPath;
}

function compileRule(rule: RateLimitRule, context: RuleContext): LimitOfRoute {
  const { policy, which, index, admission, path, compilation } = context;
  const at = { resource: policy, path: [...path, "clientSelectors"], compilation };
  const { conditions, per } = compileSelectors(rule.clientSelectors ?? [], at);
  const answerCost = answerCostOf(rule.cost?.response, context);
  const base = `BackendTrafficPolicy/${idOf(policy)}`;
  const place = which === "local" ? `local/${index}` : `rule/${index}`;
  return (routeId) => ({
    // Every route has counters of its own unless the rule says that they are shared.
    id: rule.shared ? `${base}/${place}` : `${base}/route/${routeId}/${place}`,
    name: `BackendTrafficPolicy ${idOf(policy)}, ${which} rule ${index}`,
    kind: "BackendTrafficPolicy",
    applies: { routes: undefined, backends: undefined, requestModels: undefined },
    conditions,
    per,
    requestCost: requestCostOf(rule.cost?.request),
    answerCost,
    amount: rule.limit.requests,
    extra: [],
    unit: answerCost?.from === "metadata" ? "cost" : "requests",
    window: { type: "fixed", durationMs: UNIT_MS[rule.limit.unit] },
    shadow: rule.shadowMode,
    admission: admission.mode,
    assumedOutputTokens: admission.assumedOutputTokens,
    group: undefined,
    counted: which === "local" ? "gateway" : "shared",
    alerts: [],
    // Such limits count what there is to count, as they do in Envoy.
    unmetered: "allow",
  });
}

/** What another filter has written into a request's metadata is not known when it is admitted. */
function requestCostOf(cost: RateLimitCost | undefined): number {
  if (cost === undefined) return 1;
  return cost.from === "Number" ? (cost.number ?? 0) : 0;
}

function answerCostOf(cost: RateLimitCost | undefined, context: RuleContext): AnswerCost | undefined {
  if (cost === undefined) return undefined;
  if (cost.from === "Number") return { from: "number", number: cost.number ?? 0 };
  const { namespace, key } = cost.metadata ?? { namespace: "", key: "" };
  if (namespace === COST_NAMESPACE) return { from: "metadata", key };
  const reason = `is not counted by this gateway: it knows the costs in ${COST_NAMESPACE}`;
  context.compilation.notice(context.policy, [...context.path, "cost", "response", "metadata"], reason);
  return undefined;
}
