/** What clientSelectors of Envoy Gateway ask of a request
 * (https://gateway.envoyproxy.io/latest/api/extension_types/#ratelimitselectcondition). */
import type { RateLimitSelector } from "../resources/rate-limit.ts";
import type { FieldPath, Resource } from "../resources/resource.ts";
import type { Compilation } from "./compilation.ts";
import type { LimitAttribute, LimitCondition } from "./limits.ts";
import { regexFault } from "./regex-fault.ts";

/** Header under which rules of Envoy AI Gateway's users name the model. */
const MODEL_HEADER = "x-ai-eg-model";

/** Conditions that all must hold, and what is told apart. */
export interface Selected {
  readonly conditions: readonly LimitCondition[];
  readonly per: readonly LimitAttribute[];
}

/** Compiles selectors, all of which must hold; expressions that are none are faults at their places. */
export function compileSelectors(
  selectors: readonly RateLimitSelector[],
  at: { readonly resource: Resource<unknown>; readonly path: FieldPath; readonly compilation: Compilation },
): Selected {
  const conditions: LimitCondition[] = [];
  const per: LimitAttribute[] = [];
  const add = (attribute: LimitAttribute, test: LimitCondition["test"], rest: { invert: boolean; path: FieldPath }) => {
    const why = test.type === "regex" ? regexFault(test.value) : undefined;
    if (why !== undefined) at.compilation.fault(at.resource, rest.path, `is no RE2 regular expression: ${why}`);
    conditions.push({ attribute, test, invert: rest.invert });
  };
  for (const [index, selector] of selectors.entries()) {
    const path = [...at.path, index];
    for (const { attribute, type, value = "", invert, field } of namedMatches(selector)) {
      if (type === "Distinct") per.push(attribute);
      else add(attribute, valueTest(type, value), { invert, path: [...path, ...field, "value"] });
    }
    for (const [position, { value, invert }] of methodGroups(selector)) {
      add({ from: "method" }, { type: "exact", values: value }, { invert, path: [...path, "methods", position] });
    }
    const { path: urlPath, sourceCIDR } = selector;
    if (urlPath !== undefined) {
      const { type, value, invert } = urlPath;
      const test = type === "PathPrefix" ? ({ type: "prefix", value } as const) : valueTest(type, value);
      add({ from: "path" }, test, { invert, path: [...path, "path", "value"] });
    }
    if (sourceCIDR !== undefined) {
      const { type, value, invert } = sourceCIDR;
      add({ from: "address" }, { type: "cidr", value }, { invert, path: [...path, "sourceCIDR", "value"] });
      if (type === "Distinct") per.push({ from: "address" });
    }
  }
  return { conditions, per };
}

interface NamedMatch {
  readonly attribute: LimitAttribute;
  readonly type: "Exact" | "RegularExpression" | "Distinct";
  readonly value?: string;
  readonly invert: boolean;
  readonly field: FieldPath;
}

function namedMatches({ headers = [], queryParams = [] }: RateLimitSelector): NamedMatch[] {
  return [
    ...headers.map((match, index) => ({
      ...match,
      attribute: headerAttribute(match.name.toLowerCase()),
      field: ["headers", index],
    })),
    ...queryParams.map((match, index) => ({
      ...match,
      attribute: { from: "query", name: match.name } as const,
      field: ["queryParams", index],
    })),
  ];
}

/** The model is what the body says, whatever a caller puts into a header of that name. */
function headerAttribute(name: string): LimitAttribute {
  return name === MODEL_HEADER ? { from: "model" } : { from: "header", name };
}

function valueTest(type: "Exact" | "RegularExpression", value: string): LimitCondition["test"] {
  return type === "Exact" ? { type: "exact", values: [value] } : { type: "regex", value };
}

/** Methods are alternatives, inverted ones each a condition of its own: none of them. */
function methodGroups({ methods = [] }: RateLimitSelector): [number, { value: string[]; invert: boolean }][] {
  const wanted = methods.filter(({ invert }) => !invert).map(({ value }) => value);
  const groups: [number, { value: string[]; invert: boolean }][] = [];
  if (wanted.length > 0) groups.push([0, { value: wanted, invert: false }]);
  for (const [index, { value, invert }] of methods.entries()) {
    if (invert) groups.push([index, { value: [value], invert }]);
  }
  return groups;
}
