import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { HeaderMatch, Route, Rule } from "../config/runtime-config.ts";
import { HeaderMap } from "../wire/headers.ts";
import { compileHeaderPattern } from "./header-pattern.ts";
import { buildRouteTable, MODEL_HEADER, match } from "./route-table.ts";

function rule(name: string, ...matches: HeaderMatch[][]): Rule {
  return {
    name,
    index: 0,
    key: "",
    matches,
    backends: [],
    timeouts: { requestMs: undefined, backendRequestMs: undefined, streamIdleMs: undefined },
    modelsOwnedBy: "us",
    modelsCreatedAt: 0,
  };
}

function route(id: string, hostnames: string[], ...rules: Rule[]): Route {
  return { id, hostnames, rules, costs: [], strictTranslation: false, callers: undefined, traffic: undefined };
}

function exact(name: string, value: string): HeaderMatch {
  return { name, type: "Exact", value };
}

function regex(name: string, value: string): HeaderMatch {
  return { name, type: "RegularExpression", value };
}

const model = (value: string) => exact(MODEL_HEADER, value);
const modelLike = (value: string) => regex(MODEL_HEADER, value);

interface Ask {
  readonly host?: string;
  readonly headers?: string[];
  readonly model?: string;
}

function ruleFor(routes: readonly Route[], ask: Ask): string | undefined {
  const headers = new HeaderMap(ask.headers ?? []);
  return match(buildRouteTable(routes), ask.host, headers, ask.model ?? "")?.rule.name;
}

const cases: readonly { name: string; routes: readonly Route[]; in: Ask; want: string | undefined }[] = [
  { name: "no routes match nothing", routes: [], in: { model: "m" }, want: undefined },
  {
    name: "a model is matched exactly",
    routes: [route("r", [], rule("m", [model("m")]))],
    in: { model: "m" },
    want: "m",
  },
  {
    name: "a model of another case is another model",
    routes: [route("r", [], rule("m", [model("m")]))],
    in: { model: "M" },
    want: undefined,
  },
  { name: "a rule without matches takes everything", routes: [route("r", [], rule("all"))], in: {}, want: "all" },
  {
    name: "the client's own model header is not looked at",
    routes: [route("r", [], rule("m", [model("m")]))],
    in: { model: "other", headers: [MODEL_HEADER, "m"] },
    want: undefined,
  },
  {
    name: "matches of a rule are alternatives",
    routes: [route("r", [], rule("ab", [model("a")], [model("b")]))],
    in: { model: "b" },
    want: "ab",
  },
  {
    name: "headers of a match must all hold",
    routes: [route("r", [], rule("vip", [model("m"), exact("x-tenant", "vip")]), rule("m", [model("m")]))],
    in: { model: "m", headers: ["x-tenant", "free"] },
    want: "m",
  },
  {
    name: "more headers win over rule order",
    routes: [route("r", [], rule("m", [model("m")]), rule("vip", [model("m"), exact("x-tenant", "vip")]))],
    in: { model: "m", headers: ["x-tenant", "vip"] },
    want: "vip",
  },
  {
    name: "more headers win over route order",
    routes: [
      route("r1", [], rule("one", [model("m")])),
      route("r2", [], rule("two", [modelLike(".*"), exact("x-tenant", "vip")])),
    ],
    in: { model: "m", headers: ["x-tenant", "vip"] },
    want: "two",
  },
  {
    name: "equal matches go by route order",
    routes: [route("r1", [], rule("one", [modelLike("m.*")])), route("r2", [], rule("two", [model("m")]))],
    in: { model: "m" },
    want: "one",
  },
  {
    name: "equal matches within a route go by rule order",
    routes: [route("r", [], rule("one", [model("m")]), rule("two", [modelLike(".*")]))],
    in: { model: "m" },
    want: "one",
  },
  {
    name: "a repeated header is matched as one value",
    routes: [route("r", [], rule("both", [exact("x-tag", "a,b")]))],
    in: { headers: ["x-tag", "a", "x-tag", "b"] },
    want: "both",
  },
  {
    name: "an absent header does not match an open expression",
    routes: [route("r", [], rule("any", [regex("x-tag", ".*")]))],
    in: {},
    want: undefined,
  },
  {
    name: "an absent model is an empty one",
    routes: [route("r", [], rule("any", [modelLike(".*")]))],
    in: {},
    want: "any",
  },
  {
    name: "an exact hostname wins over more headers elsewhere",
    routes: [
      route("r1", ["*.example.com"], rule("wild", [model("m"), exact("x-tenant", "vip")])),
      route("r2", ["api.example.com"], rule("exact", [model("m")])),
    ],
    in: { host: "API.example.com:1975", model: "m", headers: ["x-tenant", "vip"] },
    want: "exact",
  },
  {
    name: "the longest wildcard wins",
    routes: [
      route("r1", ["*.com"], rule("short")),
      route("r2", ["*.b.example.com"], rule("long")),
      route("r3", ["*.example.com"], rule("middle")),
    ],
    in: { host: "a.b.example.com" },
    want: "long",
  },
  {
    name: "a wildcard stands for several labels",
    routes: [route("r", ["*.com"], rule("wild"))],
    in: { host: "a.b.example.com" },
    want: "wild",
  },
  {
    name: "a wildcard does not stand for no label",
    routes: [route("r", ["*.example.com"], rule("wild"))],
    in: { host: "example.com" },
    want: undefined,
  },
  {
    name: "a wildcard does not match in the middle of a label",
    routes: [route("r", ["*.example.com"], rule("wild"))],
    in: { host: "badexample.com" },
    want: undefined,
  },
  {
    name: "a specific hostname where nothing matches hides nothing",
    routes: [
      route("r1", ["api.example.com"], rule("exact", [model("a")])),
      route("r2", ["*.example.com"], rule("wild", [model("b")])),
      route("r3", [], rule("any", [model("c")])),
    ],
    in: { host: "api.example.com", model: "c" },
    want: "any",
  },
  {
    name: "another host's route is not reached",
    routes: [route("r", ["a.example.com"], rule("a", [model("m")]))],
    in: { host: "b.example.com", model: "m" },
    want: undefined,
  },
  {
    name: "without a host only routes without hostnames apply",
    routes: [route("r1", ["a.example.com"], rule("a")), route("r2", [], rule("any"))],
    in: {},
    want: "any",
  },
  {
    name: "a route answers under each of its hostnames",
    routes: [route("r", ["a.example.com", "*.b.com"], rule("r", [model("m")]))],
    in: { host: "x.b.com", model: "m" },
    want: "r",
  },
];

for (const { name, routes, in: ask, want } of cases) {
  test(name, () => assert.equal(ruleFor(routes, ask), want));
}

test("every alternative of a rule gives the same result object", () => {
  const table = buildRouteTable([route("r", ["a.com", "*.com"], rule("ab", [model("a")], [model("b")]))]);
  const none = new HeaderMap();
  assert.notEqual(match(table, "a.com", none, "a"), undefined);
  assert.equal(match(table, "a.com", none, "a"), match(table, "x.com", none, "b"));
});

/** The precedence of the Gateway API, said again without an index. */
function oracle(routes: readonly Route[], host: string, headers: HeaderMap, body: string): string | undefined {
  const found: { name: string; key: number[] }[] = [];
  for (const { hostnames, rules } of routes) {
    for (const hostname of hostnames.length === 0 ? [""] : hostnames) {
      const wildcard = hostname.startsWith("*");
      const applies =
        hostname === "" ||
        hostname === host ||
        (wildcard && host.endsWith(hostname.slice(1)) && host.length >= hostname.length);
      if (!applies) continue;
      for (const { name, matches } of rules) {
        for (const alternative of matches.length === 0 ? [[]] : matches) {
          const all = alternative.every((wanted) => {
            const value = wanted.name === MODEL_HEADER ? body : headers.get(wanted.name);
            return value !== undefined && compileHeaderPattern(wanted)(value);
          });
          if (all)
            found.push({
              name: name ?? "",
              key: [wildcard ? 0 : hostname.length, hostname.length, alternative.length],
            });
        }
      }
    }
  }
  found.sort((a, b) => a.key.map((part, i) => (b.key[i] ?? 0) - part).find((order) => order !== 0) ?? 0);
  return found[0]?.name;
}

test("the table agrees with a naive search", () => {
  const anyModel = fc.constantFrom(model("a"), model("b"), modelLike("a.*"), modelLike("(a|b)"));
  const anyHeader = fc.constantFrom(exact("x-t", "1"), regex("x-t", ".+"));
  const anyMatch = fc
    .tuple(fc.option(anyModel), fc.option(anyHeader))
    .map((parts) => parts.filter((part) => part !== null));
  const hosts = ["a.x.com", "*.x.com", "*.com", "b.com"];
  const anyRoute = fc.record({
    hostnames: fc.subarray(hosts, { maxLength: 2 }),
    rules: fc.array(fc.array(anyMatch, { maxLength: 3 }), { minLength: 1, maxLength: 3 }),
  });
  const anyRoutes = fc
    .array(anyRoute, { maxLength: 5 })
    .map((specs) =>
      specs.map(({ hostnames, rules }, i) =>
        route(`r${i}`, hostnames, ...rules.map((matches, j) => rule(`r${i}/${j}`, ...matches))),
      ),
    );
  const ask = fc.record({
    host: fc.constantFrom("a.x.com", "b.x.com", "y.a.x.com", "b.com", "com", "org"),
    body: fc.constantFrom("a", "b", "ab", ""),
    headers: fc.constantFrom<string[]>([], ["x-t", "1"], ["x-t", "2"]),
  });
  fc.assert(
    fc.property(anyRoutes, ask, (routes, { host, body, headers }) => {
      const map = new HeaderMap(headers);
      assert.equal(match(buildRouteTable(routes), host, map, body)?.rule.name, oracle(routes, host, map, body));
    }),
    { numRuns: 2000 },
  );
});
