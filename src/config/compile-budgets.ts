/** Budgets of a BudgetPolicy and of a GatewayKey. */
import type { AIGatewayRoute } from "../resources/ai-gateway-route.ts";
import type { BudgetAttribute, BudgetMatch, BudgetWindow, KeyBudget } from "../resources/budget.ts";
import type { BudgetPolicy } from "../resources/budget-policy.ts";
import { durationMs } from "../resources/duration.ts";
import { faultAt, idOf } from "../resources/field-path.ts";
import type { FieldPath, Resource } from "../resources/resource.ts";
import type { LimitContext } from "./compile-limits.ts";
import type { AnswerCost, Limit, LimitAttribute, LimitCondition, LimitScope, LimitWindow } from "./limits.ts";
import { regexFault } from "./regex-fault.ts";

const NANO = 1_000_000_000;
const NANO_DIGITS = 9;
const EVERY_ROUTE: LimitScope = { routes: undefined, backends: undefined, requestModels: undefined };

/** Compiles every BudgetPolicy. */
export function compileBudgets(context: LimitContext): Limit[] {
  return context.compilation.set.ofKind("BudgetPolicy").flatMap((policy) => {
    const applies = { ...EVERY_ROUTE, routes: routesOf(policy, context) };
    return policy.spec.budgets.map((budget, index) => {
      const path = ["spec", "budgets", index];
      const conditions = (budget.match ?? []).map((match, which) =>
        compileMatch(match, { policy, path: [...path, "match", which], context }),
      );
      const per = (budget.per ?? []).map(compileAttribute);
      return { ...common(policy, budget, path), kind: "BudgetPolicy", applies, conditions, per } as const;
    });
  });
}

/** Compiles the budgets of every GatewayKey. */
export function compileKeyBudgets({ compilation }: LimitContext): Limit[] {
  return compilation.set.ofKind("GatewayKey").flatMap((key) => {
    const isThisKey: LimitCondition = {
      attribute: { from: "caller", name: "key" },
      test: { type: "exact", values: [idOf(key)] },
      invert: false,
    };
    return (key.spec.budgets ?? []).map((budget, index) => {
      const told = common(key, budget, ["spec", "budgets", index]);
      return { ...told, kind: "GatewayKey", applies: EVERY_ROUTE, conditions: [isThisKey], per: [] } as const;
    });
  });
}

/** Ids of the routes that a policy is for: those it names, those of a Gateway it names, else all of its namespace. */
function routesOf(policy: BudgetPolicy, { compilation, references, gateway, routes }: LimitContext): string[] {
  const { targetRefs } = policy.spec;
  const own = policy.metadata.namespace;
  if (targetRefs === undefined) return idsOf(routes.filter(({ metadata }) => metadata.namespace === own));
  const ids = targetRefs.flatMap(({ kind, name, namespace }, index) => {
    const path = ["spec", "targetRefs", index];
    if (namespace !== undefined && namespace !== own) {
      compilation.fault(policy, [...path, "namespace"], "must be that of the policy");
      return [];
    }
    if (kind === "Gateway") {
      const target = references.resolve({ from: policy, path, kind, name, namespace });
      return target !== undefined && target === gateway ? idsOf(routes) : [];
    }
    const route = references.resolve({ from: policy, path, kind: "AIGatewayRoute", name, namespace });
    return route === undefined ? [] : [idOf(route)];
  });
  return [...new Set(ids)];
}

function idsOf(routes: readonly AIGatewayRoute[]): string[] {
  return routes.map(idOf);
}

type Common = Omit<Limit, "kind" | "applies" | "conditions" | "per">;

function common(resource: Resource<unknown>, budget: KeyBudget, path: FieldPath): Common {
  const { unit, amount, answerCost, requestCost } = measureOf(budget.limit, resource, path);
  return {
    id: `${resource.kind}/${idOf(resource)}/${budget.name}`,
    name: `${resource.kind} ${idOf(resource)}, budget ${JSON.stringify(budget.name)}`,
    requestCost,
    answerCost,
    amount,
    extra: (budget.extra ?? []).map((extra) => ({
      amount: unit === "nanodollars" ? nanodollars(extra.amount) : Number(extra.amount),
      untilMs: Date.parse(extra.until),
    })),
    unit,
    window: compileWindow(budget.window),
    shadow: budget.shadowMode,
    admission: budget.admission === "Check" ? "check" : "reserve",
    assumedOutputTokens: budget.assumedOutputTokens,
    group: undefined,
    counted: "shared",
    alerts: [...(budget.alertPercent ?? [])].sort((a, b) => a - b),
    unmetered: budget.unmetered === "Allow" ? "allow" : "refuse",
  };
}

interface Measure {
  readonly unit: Limit["unit"];
  readonly amount: number;
  readonly requestCost: number;
  readonly answerCost: AnswerCost | undefined;
}

function measureOf(
  { dollars, tokens, requests, cost }: KeyBudget["limit"],
  from: Resource<unknown>,
  path: FieldPath,
): Measure {
  if (dollars !== undefined) {
    return { unit: "nanodollars", amount: nanodollars(dollars), requestCost: 0, answerCost: { from: "price" } };
  }
  if (requests !== undefined) return { unit: "requests", amount: requests, requestCost: 1, answerCost: undefined };
  if (cost !== undefined) {
    return {
      unit: "cost",
      amount: cost.amount,
      requestCost: 0,
      answerCost: { from: "metadata", key: cost.metadataKey },
    };
  }
  const located = faultAt(from, [...path, "limit", "tokens"], "");
  const fault = (reason: string) => ({ ...located, reason });
  const rule = { metadataKey: "total_tokens", type: "TotalToken", cel: undefined, fault } as const;
  return { unit: "tokens", amount: tokens ?? 0, requestCost: 0, answerCost: { from: "rule", rule } };
}

/** `"1.5"` as 1500000000, without the errors of fractions. */
function nanodollars(amount: string | number): number {
  const [whole = "0", fraction = ""] = String(amount).split(".");
  return Number(whole) * NANO + Number(fraction.padEnd(NANO_DIGITS, "0"));
}

function compileWindow({ type, duration, unit, timeZone }: BudgetWindow): LimitWindow {
  const ms = durationMs(duration ?? "") ?? 0;
  switch (type) {
    case "Fixed":
      return { type: "fixed", durationMs: ms };
    case "Rolling":
      return { type: "rolling", durationMs: ms };
    case "Calendar":
      return { type: "calendar", unit: CALENDAR_UNITS[unit ?? "Month"], timeZone: timeZone ?? "UTC" };
    case "Never":
      return { type: "never" };
  }
}

const CALENDAR_UNITS = {
  Hour: "hour",
  Day: "day",
  Week: "week",
  Month: "month",
  Quarter: "quarter",
  Year: "year",
} as const;

function compileAttribute({ from, name = "" }: BudgetAttribute): LimitAttribute {
  switch (from) {
    case "Caller":
      return { from: "caller", name };
    case "Header":
      return { from: "header", name: name.toLowerCase() };
    case "Model":
      return { from: "model" };
    case "Route":
      return { from: "route" };
    case "Address":
      return { from: "address" };
    case "Method":
      return { from: "method" };
    case "Path":
      return { from: "path" };
  }
}

function compileMatch(
  match: BudgetMatch,
  { policy, path, context }: { policy: BudgetPolicy; path: FieldPath; context: LimitContext },
): LimitCondition {
  const { type, value = "", values = [value], invert } = match;
  const attribute = compileAttribute(match);
  if (type === "Exact") return { attribute, test: { type: "exact", values }, invert };
  if (type === "Prefix") return { attribute, test: { type: "prefix", value }, invert };
  if (type === "CIDR") return { attribute, test: { type: "cidr", value }, invert };
  const why = regexFault(value);
  if (why !== undefined) {
    context.compilation.fault(policy, [...path, "value"], `is no RE2 regular expression: ${why}`);
  }
  return { attribute, test: { type: "regex", value }, invert };
}
