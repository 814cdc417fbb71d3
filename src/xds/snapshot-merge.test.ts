import assert from "node:assert/strict";
import { test } from "node:test";
import type { RouteJson } from "../gen/envoy/config/route/v3/route_components_pb.ts";
import type { EnvoyResources } from "./resources.ts";
import { mergeResources } from "./snapshot-merge.ts";

function resources(routes: readonly string[], clusters: readonly string[], connectTimeout = "1s"): EnvoyResources {
  const entries: RouteJson[] = routes.map((name) => ({ name, match: { prefix: `/${name}` } }));
  return {
    listeners: new Map(),
    routes: new Map([["http", { name: "http", virtualHosts: [{ name: "all", domains: ["*"], routes: entries }] }]]),
    clusters: new Map(clusters.map((name) => [name, { name, connectTimeout }])),
    endpoints: new Map(),
    secrets: new Map(),
  };
}

test("routes of both configurations stand before the one that takes the rest", () => {
  const merged = mergeResources(resources(["a", "b", "rest"], []), resources(["b", "c", "rest"], []));
  const names = merged.routes.get("http")?.virtualHosts?.[0]?.routes?.map(({ name }) => name);
  assert.deepEqual(names, ["b", "c", "a", "rest"]);
});

test("clusters of both configurations are there, as the next one has them", () => {
  const merged = mergeResources(resources([], ["a", "b"], "1s"), resources([], ["b", "c"], "2s"));
  assert.deepEqual(
    [...merged.clusters.values()].map(({ name, connectTimeout }) => `${name} ${connectTimeout}`),
    ["a 1s", "b 2s", "c 2s"],
  );
});

test("a route table that is no more stays until the next change", () => {
  const merged = mergeResources(resources(["a"], []), { ...resources([], []), routes: new Map() });
  assert.deepEqual([...merged.routes.keys()], ["http"]);
});
