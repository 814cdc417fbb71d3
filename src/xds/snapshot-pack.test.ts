import assert from "node:assert/strict";
import { test } from "node:test";
import { fromAny } from "./any.ts";
import type { EnvoyResources } from "./resources.ts";
import { TYPE_URLS } from "./snapshot.ts";
import { packSnapshot } from "./snapshot-pack.ts";

function resources(connectTimeout: string): EnvoyResources {
  const clusters = ["a", "b"].map(
    (name) => [name, { name, connectTimeout: name === "a" ? connectTimeout : "9s" }] as const,
  );
  return {
    listeners: new Map(),
    routes: new Map(),
    clusters: new Map(clusters),
    endpoints: new Map(),
    secrets: new Map(),
  };
}

function versions(of: EnvoyResources) {
  return [...(packSnapshot(of).types.get(TYPE_URLS.clusters) ?? [])].map(([, { version }]) => version);
}

test("resources are packed as messages of their type", () => {
  const packed = packSnapshot(resources("1s")).types.get(TYPE_URLS.clusters)?.get("a");
  assert.ok(packed);
  assert.deepEqual(fromAny(packed.resource), { "@type": TYPE_URLS.clusters, name: "a", connect_timeout: "1s" });
});

test("versions change with contents, and only with contents", () => {
  const [a, b] = versions(resources("1s"));
  assert.deepEqual(versions(resources("1s")), [a, b]);
  const [changed, same] = versions(resources("2s"));
  assert.notEqual(changed, a);
  assert.equal(same, b);
  assert.equal(packSnapshot(resources("1s")).version, packSnapshot(resources("1s")).version);
  assert.notEqual(packSnapshot(resources("1s")).version, packSnapshot(resources("2s")).version);
});

test("what is no such message is told with its place", () => {
  assert.throws(() => packSnapshot(resources("soon")), /envoy\.config\.cluster\.v3\.Cluster\.connectTimeout/);
});
