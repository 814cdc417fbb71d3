/** Quotas of backends and their models: what a QuotaPolicy says, with the gaps of the reference closed (docs/limits.md). */
import { faultAt, idOf } from "../resources/field-path.ts";
import type { Quota, QuotaPolicy } from "../resources/quota-policy.ts";
import type { FieldPath } from "../resources/resource.ts";
import type { LimitContext } from "./compile-limits.ts";
import { admissionOf } from "./limit-admission.ts";
import { compileSelectors, type Selected } from "./limit-selectors.ts";
import type { AnswerCost, Limit } from "./limits.ts";

const DURATION_MS = { "1s": 1000, "1m": 60_000, "1h": 3_600_000, "1d": 86_400_000 } as const;
const EVERYONE: Selected = { conditions: [], per: [] };

/** Compiles every policy; each backend it is for has counters of its own. */
export function compileQuotas(context: LimitContext): Limit[] {
  const { compilation } = context;
  return compilation.set
    .ofKind("QuotaPolicy")
    .flatMap((policy) => backendsOf(policy, context).flatMap((backend) => quotasOf(policy, backend, context)));
}

/** Ids of the backends that a policy is for. */
function backendsOf(policy: QuotaPolicy, { compilation, references }: LimitContext): string[] {
  const { targetRefs = [] } = policy.spec;
  if (targetRefs.length === 0) {
    compilation.notice(policy, ["spec"], "has no targetRefs, so that it is for no backend");
  }
  return targetRefs.flatMap(({ name }, index) => {
    const path = ["spec", "targetRefs", index];
    const backend = references.resolve({ from: policy, path, kind: "AIServiceBackend", name, namespace: undefined });
    return backend === undefined ? [] : [idOf(backend)];
  });
}

interface Bucket {
  readonly quota: Quota;
  readonly selected: Selected;
  readonly shadow: boolean;
  readonly cost: AnswerCost;
  readonly place: string;
  readonly model: string | undefined;
  readonly group: string | undefined;
}

function quotasOf(policy: QuotaPolicy, backend: string, context: LimitContext): Limit[] {
  const { serviceQuota, perModelQuotas = [] } = policy.spec;
  const { compilation } = context;
  const buckets: Bucket[] = [];
  if (serviceQuota !== undefined) {
    const cost = costOf(policy, ["spec", "serviceQuota"], serviceQuota.costExpression);
    const whole = { selected: EVERYONE, shadow: false, model: undefined, group: undefined };
    buckets.push({ ...whole, quota: serviceQuota.quota, cost, place: "service" });
  }
  for (const [index, { modelName, quota }] of perModelQuotas.entries()) {
    const path = ["spec", "perModelQuotas", index, "quota"];
    const cost = costOf(policy, path, quota.costExpression);
    const { bucketRules = [], defaultBucket } = quota;
    const place = `model/${modelName}`;
    // A request is admitted while any of the buckets it belongs to has room, and is charged to all of them.
    const group = bucketRules.length === 0 ? undefined : `QuotaPolicy/${idOf(policy)}/backend/${backend}/${place}`;
    for (const [rule, { clientSelectors = [], quota: own, shadowMode }] of bucketRules.entries()) {
      const at = { resource: policy, path: [...path, "bucketRules", rule, "clientSelectors"], compilation };
      const selected = compileSelectors(clientSelectors, at);
      buckets.push({
        ...{ quota: own, selected, shadow: shadowMode, cost, model: modelName },
        ...{ group: shadowMode ? undefined : group, place: `${place}/rule/${rule}` },
      });
    }
    if (defaultBucket === undefined) continue;
    const all = { selected: EVERYONE, shadow: false, cost, model: modelName, group };
    buckets.push({ ...all, quota: defaultBucket, place: `${place}/default` });
  }
  return buckets.map((bucket) => limitOf(policy, backend, bucket, context));
}

function limitOf(policy: QuotaPolicy, backend: string, bucket: Bucket, { compilation }: LimitContext): Limit {
  const { mode, assumedOutputTokens } = admissionOf(policy, compilation);
  return {
    id: `QuotaPolicy/${idOf(policy)}/backend/${backend}/${bucket.place}`,
    name: `QuotaPolicy ${idOf(policy)}, ${bucket.place.replaceAll("/", " ")}, backend ${backend}`,
    kind: "QuotaPolicy",
    applies: {
      routes: undefined,
      backends: [backend],
      requestModels: bucket.model === undefined ? undefined : [bucket.model],
    },
    conditions: bucket.selected.conditions,
    per: bucket.selected.per,
    // The reference takes a hit beside the tokens; a quota of tokens counts tokens.
    requestCost: 0,
    answerCost: bucket.cost,
    amount: bucket.quota.limit,
    extra: [],
    unit: "tokens",
    window: { type: "fixed", durationMs: DURATION_MS[bucket.quota.duration] },
    shadow: bucket.shadow,
    admission: mode,
    assumedOutputTokens,
    group: bucket.group,
    counted: "shared",
    alerts: [],
    unmetered: "allow",
  };
}

/** A quota without expression counts all tokens. */
function costOf(policy: QuotaPolicy, path: FieldPath, expression: string | undefined): AnswerCost {
  const located = faultAt(policy, [...path, "costExpression"], "");
  return {
    from: "rule",
    rule: {
      metadataKey: "quota_cost",
      type: expression === undefined ? "TotalToken" : "CEL",
      cel: expression,
      fault: (reason) => ({ ...located, reason }),
    },
  };
}
