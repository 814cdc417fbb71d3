import * as Type from "typebox";
import { Budget, budgetViolations } from "./budget.ts";
import { type CrossFieldRule, defineKind, type Violation } from "./kind.ts";
import type { Resource } from "./resource.ts";
import { listMap, object, PolicyTargetRef } from "./schema.ts";

const Spec = object({
  targetRefs: Type.Optional(Type.Array(PolicyTargetRef, { minItems: 1, maxItems: 16 })),
  budgets: listMap(Budget, ["name"], { minItems: 1, maxItems: 32 }),
});
type Spec = Type.Static<typeof Spec>;

/** How much callers may use, in tokens, requests or money; a kind of this gateway's own. */
export type BudgetPolicy = Resource<Spec>;

const budgetsAreComplete: CrossFieldRule<Spec> = ({ budgets }) =>
  budgets.flatMap((budget, index) => budgetViolations(budget, ["budgets", index]));

/** A route is the smallest thing that a budget is for. */
const targetsAreWhole: CrossFieldRule<Spec> = ({ targetRefs = [] }) =>
  targetRefs.flatMap(({ kind, sectionName }, index): Violation[] => {
    const path = ["targetRefs", index];
    if (!["Gateway", "AIGatewayRoute", "HTTPRoute"].includes(kind)) {
      return [{ path: [...path, "kind"], reason: "must be Gateway, AIGatewayRoute or HTTPRoute" }];
    }
    if (sectionName === undefined) return [];
    return [{ path: [...path, "sectionName"], reason: "must not be given: a budget is for a whole route or Gateway" }];
  });

/** BudgetPolicy of aigw.dev. */
export const BUDGET_POLICY = defineKind({
  kind: "BudgetPolicy",
  group: "aigw.dev",
  versions: ["v1alpha1"],
  schema: Spec,
  rules: [budgetsAreComplete, targetsAreWhole],
});
