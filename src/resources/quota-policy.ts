import * as Type from "typebox";
import { type CrossFieldRule, defineKind } from "./kind.ts";
import { RateLimitSelector, selectorViolations } from "./rate-limit.ts";
import type { Resource } from "./resource.ts";
import { NonEmpty, ObjectName, object } from "./schema.ts";

/** What may be used in a time. */
const Quota = object({
  limit: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  duration: Type.Enum(["1s", "1m", "1h", "1d"]),
});

const BucketRule = object({
  clientSelectors: Type.Optional(Type.Array(RateLimitSelector, { maxItems: 8 })),
  quota: Quota,
  shadowMode: Type.Boolean({ default: false }),
});

const CostExpression = Type.Optional(NonEmpty);

const Spec = object({
  targetRefs: Type.Optional(
    Type.Array(object({ group: Type.String(), kind: NonEmpty, name: ObjectName }), { maxItems: 16 }),
  ),
  serviceQuota: Type.Optional(object({ costExpression: CostExpression, quota: Quota })),
  perModelQuotas: Type.Optional(
    Type.Array(
      object({
        modelName: NonEmpty,
        quota: object({
          costExpression: CostExpression,
          mode: Type.Enum(["Shared"], { default: "Shared" }),
          defaultBucket: Type.Optional(Quota),
          bucketRules: Type.Optional(Type.Array(BucketRule, { maxItems: 128 })),
        }),
      }),
      { maxItems: 128 },
    ),
  ),
});
type Spec = Type.Static<typeof Spec>;

/** How much may be used of a backend and its models. */
export type QuotaPolicy = Resource<Spec>;
export type Quota = Type.Static<typeof Quota>;

const targetsAreBackends: CrossFieldRule<Spec> = ({ targetRefs = [] }) =>
  targetRefs.flatMap(({ group, kind }, index) => {
    if (group === "aigateway.envoyproxy.io" && kind === "AIServiceBackend") return [];
    const reason = "must have group: aigateway.envoyproxy.io and kind: AIServiceBackend";
    return [{ path: ["targetRefs", index], reason }];
  });

const selectorsAreComplete: CrossFieldRule<Spec> = ({ perModelQuotas = [] }) =>
  perModelQuotas.flatMap(({ quota: { bucketRules = [] } }, model) =>
    bucketRules.flatMap(({ clientSelectors = [] }, rule) =>
      clientSelectors.flatMap((selector, index) =>
        selectorViolations(selector, [
          ...["perModelQuotas", model, "quota", "bucketRules", rule],
          ...["clientSelectors", index],
        ]),
      ),
    ),
  );

/** QuotaPolicy of aigateway.envoyproxy.io. */
export const QUOTA_POLICY = defineKind({
  kind: "QuotaPolicy",
  group: "aigateway.envoyproxy.io",
  versions: ["v1alpha1"],
  schema: Spec,
  rules: [targetsAreBackends, selectorsAreComplete],
});
