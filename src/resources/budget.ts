/** A budget: how much may be used in what time, by whom; the same in a BudgetPolicy and in a GatewayKey. */
import * as Type from "typebox";
import type { Violation } from "./kind.ts";
import { isCidr } from "./rate-limit.ts";
import type { FieldPath } from "./resource.ts";
import { NonEmpty, object, PositiveDuration } from "./schema.ts";

/** Budgets are counted in billionths of a dollar, and numbers are exact up to 2^53. */
const DOLLARS = "^[0-9]{1,7}(\\.[0-9]{1,9})?$";
const COUNT_MAX = Number.MAX_SAFE_INTEGER;

/** What is reserved for an answer whose length its caller did not limit, unless a budget says otherwise. */
export const ASSUMED_OUTPUT_TOKENS = 1024;

const Dollars = Type.Union([
  Type.String({ pattern: DOLLARS, "x-expects": 'an amount of US dollars such as "250.00", below ten millions' }),
  Type.Integer({ minimum: 0, maximum: 9_000_000 }),
]);

const Count = Type.Integer({ minimum: 0, maximum: COUNT_MAX });

const Amount = {
  dollars: Type.Optional(Dollars),
  tokens: Type.Optional(Count),
  requests: Type.Optional(Count),
  cost: Type.Optional(object({ metadataKey: NonEmpty, amount: Count })),
};

const Window = object({
  type: Type.Enum(["Fixed", "Rolling", "Calendar", "Never"]),
  duration: Type.Optional(PositiveDuration),
  unit: Type.Optional(Type.Enum(["Hour", "Day", "Week", "Month", "Quarter", "Year"])),
  timeZone: Type.Optional(NonEmpty),
});

/** What a request is told apart or chosen by. */
const ATTRIBUTE = {
  from: Type.Enum(["Caller", "Header", "Model", "Route", "Address", "Method", "Path"]),
  name: Type.Optional(NonEmpty),
};

const Attribute = object(ATTRIBUTE);

const Match = object({
  ...ATTRIBUTE,
  type: Type.Enum(["Exact", "RegularExpression", "Prefix", "CIDR"], { default: "Exact" }),
  value: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
  values: Type.Optional(Type.Array(NonEmpty, { minItems: 1, maxItems: 64 })),
  invert: Type.Boolean({ default: false }),
});

/** What stands in every budget. */
export const BUDGET = {
  name: Type.String({
    minLength: 1,
    maxLength: 63,
    pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    "x-expects": "lower-case letters, digits and - with a letter or digit at both ends",
  }),
  limit: object(Amount),
  window: Window,
  extra: Type.Optional(
    Type.Array(object({ amount: Type.Union([Dollars, Count]), until: Type.String({ minLength: 1 }) }), {
      maxItems: 16,
    }),
  ),
  alertPercent: Type.Optional(Type.Array(Type.Integer({ minimum: 1, maximum: 1000 }), { maxItems: 8 })),
  shadowMode: Type.Boolean({ default: false }),
  admission: Type.Enum(["Reserve", "Check"], { default: "Reserve" }),
  assumedOutputTokens: Type.Integer({ minimum: 0, maximum: 1_000_000, default: ASSUMED_OUTPUT_TOKENS }),
  unmetered: Type.Enum(["Refuse", "Allow"], { default: "Refuse" }),
};

/** A budget of one key. */
export const KeyBudget = object(BUDGET);
export type KeyBudget = Type.Static<typeof KeyBudget>;

/** A budget with who it is for. */
export const Budget = object({
  ...BUDGET,
  match: Type.Optional(Type.Array(Match, { maxItems: 16 })),
  per: Type.Optional(Type.Array(Attribute, { maxItems: 4 })),
});
export type Budget = Type.Static<typeof Budget>;
export type BudgetMatch = Type.Static<typeof Match>;
export type BudgetAttribute = Type.Static<typeof Attribute>;
export type BudgetWindow = Type.Static<typeof Window>;

/** What is wrong between the fields of a budget. */
export function budgetViolations(budget: KeyBudget & Partial<Budget>, path: FieldPath): Violation[] {
  const { limit, window, extra = [], match = [], per = [] } = budget;
  return [
    ...limitViolations(limit, [...path, "limit"]),
    ...windowViolations(window, [...path, "window"]),
    ...extra.flatMap(({ until }, index) => untilViolations(until, [...path, "extra", index, "until"])),
    ...match.flatMap((condition, index) => matchViolations(condition, [...path, "match", index])),
    ...per.flatMap((attribute, index) => attributeViolations(attribute, [...path, "per", index])),
  ];
}

function limitViolations(limit: KeyBudget["limit"], path: FieldPath): Violation[] {
  if (Object.keys(limit).length === 1) return [];
  return [{ path, reason: "needs exactly one of dollars, tokens, requests and cost" }];
}

function windowViolations({ type, duration, unit, timeZone }: BudgetWindow, path: FieldPath): Violation[] {
  const isTimed = type === "Fixed" || type === "Rolling";
  const found: Violation[] = [];
  if (isTimed && duration === undefined)
    found.push({ path: [...path, "duration"], reason: `is required with type ${type}` });
  if (!isTimed && duration !== undefined)
    found.push({ path: [...path, "duration"], reason: `must not be given with type ${type}` });
  if (type === "Calendar" && unit === undefined)
    found.push({ path: [...path, "unit"], reason: "is required with type Calendar" });
  for (const [name, value] of Object.entries({ unit, timeZone })) {
    if (type === "Calendar" || value === undefined) continue;
    found.push({ path: [...path, name], reason: "is only read with type Calendar" });
  }
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    found.push({ path: [...path, "timeZone"], reason: "is no time zone; write one such as Europe/Berlin or UTC" });
  }
  return found;
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    // RangeError: nothing else is thrown for a name.
    return false;
  }
}

/** A date and time with its offset, as in RFC 3339. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;

/** What is wrong with a point in time. */
export function untilViolations(until: string, path: FieldPath): Violation[] {
  if (TIME.test(until) && !Number.isNaN(Date.parse(until))) return [];
  return [{ path, reason: "must be a time such as 2027-01-31T00:00:00Z" }];
}

const NAMED = new Set(["Caller", "Header"]);
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

function attributeViolations({ from, name }: BudgetAttribute, path: FieldPath): Violation[] {
  if (NAMED.has(from)) {
    if (name === undefined) return [{ path: [...path, "name"], reason: `is required with from: ${from}` }];
    if (from === "Header" && !HEADER_NAME.test(name))
      return [{ path: [...path, "name"], reason: "must be a header name" }];
    return [];
  }
  return name === undefined ? [] : [{ path: [...path, "name"], reason: `must not be given with from: ${from}` }];
}

function matchViolations(condition: BudgetMatch, path: FieldPath): Violation[] {
  const { type, value, values, from } = condition;
  const found = attributeViolations(condition, path);
  if ((value === undefined) === (values === undefined)) {
    found.push({ path, reason: "needs exactly one of value and values" });
  }
  if (values !== undefined && type !== "Exact") {
    found.push({ path: [...path, "values"], reason: `must not be given with type ${type}: write one value` });
  }
  if (type === "CIDR" && value !== undefined && !isCidr(value)) {
    found.push({ path: [...path, "value"], reason: "must be a range such as 10.0.0.0/8 or 2001:db8::/32" });
  }
  if (type === "CIDR" && from !== "Address") {
    found.push({ path: [...path, "type"], reason: "CIDR is for from: Address" });
  }
  return found;
}
