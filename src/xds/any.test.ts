import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "../gen/envoy/config/cluster/v3/cluster_pb.ts";
import { fromAny, toAny } from "./any.ts";

const CONNECTION_MANAGER =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

/** A listener whose router filter, two Any fields deep, has these fields. */
function listener(router: JsonObject): JsonObject {
  const manager = {
    "@type": CONNECTION_MANAGER,
    stat_prefix: "http",
    http_filters: [{ name: "router", typed_config: { "@type": ROUTER, ...router } }],
  };
  return { name: "main", filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }] };
}

test("JSON with Any fields inside comes back as it went in", () => {
  const json = listener({ suppress_envoy_headers: true });
  const type = "envoy.config.listener.v3.Listener";
  assert.deepEqual(fromAny(toAny(type, json)), { "@type": `type.googleapis.com/${type}`, ...json });
});

test("field names may be written in either case", () => {
  const type = "envoy.config.cluster.v3.Cluster";
  assert.deepEqual(
    toAny(type, { name: "c", connectTimeout: "0.25s", lbPolicy: "LEAST_REQUEST" }),
    toAny(type, { name: "c", connect_timeout: "0.250s", lb_policy: 1 }),
  );
});

test("the packed bytes are the message's", () => {
  const any = toAny("envoy.config.cluster.v3.Cluster", {
    connect_timeout: "1.5s",
    typed_extension_protocol_options: {},
  });
  assert.equal(any.typeUrl, "type.googleapis.com/envoy.config.cluster.v3.Cluster");
  assert.deepEqual(anyUnpack(any, ClusterSchema)?.connectTimeout?.nanos, 500_000_000);
});

const faults: readonly { name: string; type: string; json: JsonObject; want: RegExp }[] = [
  {
    name: "an unknown type",
    type: "envoy.config.cluster.v3.Clustre",
    json: {},
    want: /^envoy\.config\.cluster\.v3\.Clustre: no such type/,
  },
  {
    name: "an unknown field inside Any fields",
    type: "envoy.config.listener.v3.Listener",
    json: listener({ nope: 1 }),
    want: /Listener\.filter_chains\[0\]\.filters\[0\]\.typed_config\.http_filters\[0\]\.typed_config\.nope: no such field in .*\.Router$/,
  },
  {
    name: "an unknown type inside an Any",
    type: "envoy.config.listener.v3.Listener",
    json: { filter_chains: [{ filters: [{ typed_config: { "@type": "a/b.c" } }] }] },
    want: /\.filters\[0\]\.typed_config\.@type: no such type in src\/gen: a\/b\.c$/,
  },
  {
    name: "an Any without a type",
    type: "envoy.config.listener.v3.Listener",
    json: { filter_chains: [{ filters: [{ typed_config: { stat_prefix: "x" } }] }] },
    want: /\.filters\[0\]\.typed_config: needs "@type"$/,
  },
  {
    name: "a value of another type",
    type: "envoy.config.cluster.v3.Cluster",
    json: { circuit_breakers: { thresholds: [{}, { max_requests: "many" }] } },
    want: /Cluster\.circuit_breakers\.thresholds\[1\]\.max_requests: .*"many"/,
  },
  {
    name: "an unknown name of an enum",
    type: "envoy.config.cluster.v3.Cluster",
    json: { lb_policy: "FASTEST" },
    want: /Cluster\.lb_policy: .*"FASTEST"/,
  },
  {
    name: "a duration that is none",
    type: "envoy.config.cluster.v3.Cluster",
    json: { connect_timeout: "5" },
    want: /Cluster\.connect_timeout: .*"5"/,
  },
  {
    name: "a fault in the value of a map",
    type: "envoy.config.cluster.v3.Cluster",
    json: { typed_extension_protocol_options: { "a.b": { "@type": ROUTER, nope: 1 } } },
    want: /Cluster\.typed_extension_protocol_options\["a\.b"\]\.nope: no such field/,
  },
  {
    name: "two members of one oneof",
    type: "envoy.config.core.v3.Address",
    json: { pipe: { path: "/a" }, socket_address: { address: "::1" } },
    want: /^envoy\.config\.core\.v3\.Address: .*oneof/,
  },
];
for (const { name, type, json, want } of faults) {
  test(`names the place of ${name}`, () => {
    assert.throws(() => toAny(type, json), { name: "PackError", message: want });
  });
}
