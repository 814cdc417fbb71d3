import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeaderMatch, Route } from "../config/runtime-config.ts";
import { buildModelLists, modelListFor } from "./model-list.ts";
import { MODEL_HEADER } from "./route-table.ts";

interface RouteSpec {
  readonly hostnames?: string[];
  readonly ownedBy?: string;
  readonly createdAt?: number;
  readonly matches: readonly (readonly HeaderMatch[])[];
}

function route({ hostnames = [], ownedBy = "us", createdAt = 0, matches }: RouteSpec): Route {
  const timeouts = { requestMs: undefined, backendRequestMs: undefined, streamIdleMs: undefined };
  const rule = { name: undefined, index: 0, key: "", matches, backends: [], timeouts };
  return {
    id: "default/r",
    hostnames,
    rules: [{ ...rule, modelsOwnedBy: ownedBy, modelsCreatedAt: createdAt }],
    costs: [],
    strictTranslation: false,
    callers: undefined,
    traffic: undefined,
  };
}

function models(...names: string[]): HeaderMatch[][] {
  return names.map((value) => [{ name: MODEL_HEADER, type: "Exact", value }]);
}

function ids(routes: readonly Route[], host: string | undefined): string[] {
  const { openai, anthropic } = modelListFor(buildModelLists(routes), host);
  const listed = (JSON.parse(String(openai)) as { data: { id: string }[] }).data.map(({ id }) => id);
  const again = (JSON.parse(String(anthropic)) as { data: { id: string }[] }).data.map(({ id }) => id);
  assert.deepEqual(again, listed);
  return listed;
}

const anywhere = route({ matches: models("any") });
const onA = route({ hostnames: ["a.example.com"], matches: models("a1", "a2") });
const onB = route({ hostnames: ["b.example.com"], matches: models("b") });
const onWild = route({ hostnames: ["*.example.com"], matches: models("wild") });
const onLongWild = route({ hostnames: ["*.x.example.com"], matches: models("long") });

const cases: readonly { name: string; routes: readonly Route[]; host: string | undefined; want: string[] }[] = [
  { name: "no routes", routes: [], host: "a.example.com", want: [] },
  { name: "no hostnames at all", routes: [anywhere], host: "whatever:80", want: ["any"] },
  { name: "no hostnames and no host", routes: [anywhere], host: undefined, want: ["any"] },
  {
    name: "its own host, then the unscoped",
    routes: [anywhere, onA, onB],
    host: "A.example.com:80",
    want: ["a1", "a2", "any"],
  },
  { name: "another host", routes: [onA, onB], host: "b.example.com", want: ["b"] },
  { name: "a host nobody names", routes: [onA, anywhere], host: "c.example.org", want: ["any"] },
  { name: "a host nobody names, all scoped", routes: [onA, onB], host: "c.example.org", want: [] },
  { name: "no host, all scoped", routes: [onA, onB], host: undefined, want: [] },
  { name: "a wildcard", routes: [onA, onWild], host: "c.example.com", want: ["wild"] },
  { name: "an exact host before a wildcard", routes: [onWild, onA], host: "a.example.com", want: ["a1", "a2"] },
  { name: "a wildcard is one label", routes: [onWild], host: "c.d.example.com", want: [] },
  { name: "the longest wildcard", routes: [onWild, onLongWild], host: "c.x.example.com", want: ["long"] },
  { name: "a host without a dot", routes: [onWild, anywhere], host: "localhost", want: ["any"] },
  {
    name: "two routes on one host",
    routes: [onA, { ...onB, hostnames: ["a.example.com"] }],
    host: "a.example.com",
    want: ["a1", "a2", "b"],
  },
  {
    name: "a name twice is listed once",
    routes: [onA, onA, anywhere, anywhere],
    host: "a.example.com",
    want: ["a1", "a2", "any"],
  },
  {
    name: "only exact names of the model header are listed",
    routes: [
      route({
        matches: [
          [{ name: MODEL_HEADER, type: "RegularExpression", value: "gpt.*" }],
          [{ name: "x-other", type: "Exact", value: "other" }],
          [
            { name: "x-other", type: "Exact", value: "other" },
            { name: MODEL_HEADER, type: "Exact", value: "both" },
          ],
          [],
        ],
      }),
    ],
    host: undefined,
    want: ["both"],
  },
];

for (const { name, routes, host, want } of cases) {
  test(`models are listed for a host: ${name}`, () => assert.deepEqual(ids(routes, host), want));
}

test("a list has OpenAI's shape, the first route's owner and date kept", () => {
  const first = route({ matches: models("m"), ownedBy: "Envoy AI Gateway", createdAt: 1_735_689_600 });
  const second = route({ matches: models("m", "n"), ownedBy: "them", createdAt: 7 });
  assert.equal(
    String(modelListFor(buildModelLists([first, second]), undefined).openai),
    '{"data":[{"id":"m","created":1735689600,"object":"model","owned_by":"Envoy AI Gateway"},{"id":"n","created":7,"object":"model","owned_by":"them"}],"object":"list"}',
  );
});

test("a list has Anthropic's shape", () => {
  const routes = [route({ matches: models("m", 'n"'), createdAt: 1_735_689_600 })];
  assert.equal(
    String(modelListFor(buildModelLists(routes), undefined).anthropic),
    '{"data":[{"id":"m","type":"model","display_name":"m","created_at":"2025-01-01T00:00:00Z"},{"id":"n\\"","type":"model","display_name":"n\\"","created_at":"2025-01-01T00:00:00Z"}],"first_id":"m","has_more":false,"last_id":"n\\""}',
  );
});

test("an empty list has no first and last id", () => {
  const empty = modelListFor(buildModelLists([]), undefined);
  assert.equal(String(empty.anthropic), '{"data":[],"has_more":false}');
  assert.equal(String(empty.openai), '{"data":[],"object":"list"}');
});
