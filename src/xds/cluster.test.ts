import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BackendRef, Upstream, UpstreamTls } from "../config/runtime-config.ts";
import { testTls } from "../config/test-upstream-tls.ts";
import type { TrafficPolicy } from "../config/traffic-policy.ts";
import type { ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { HttpProtocolOptionsJson } from "../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";
import { addressOf, nowhereCluster, processorCluster, ruleCluster } from "./cluster.ts";
import { ruleEndpoints } from "./endpoints.ts";
import { limitations } from "./limitations.ts";
import { TEST_OPTIONS, testConfig, testEndpoint, testRef, testRoute, testRule, testUpstream } from "./test-config.ts";

const TLS = testTls({ serverName: "api.test" });
const SOCKET = { host: undefined, port: 0, unixPath: "/run/model.sock", authority: "localhost" };
const NAMED = testUpstream({ endpoints: [testEndpoint("api.test")], tls: TLS });
const PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

function clusterOf(backends: readonly BackendRef[], traffic?: Partial<TrafficPolicy>) {
  const rule = testRule(backends);
  return ruleCluster(testRoute(rule, traffic), rule, TEST_OPTIONS);
}

function optionsOf(cluster: ClusterJson): HttpProtocolOptionsJson {
  return (cluster.typedExtensionProtocolOptions?.[PROTOCOL_OPTIONS] ?? {}) as HttpProtocolOptionsJson;
}

function protocolOf(...upstreams: Upstream[]): string[] {
  const { explicitHttpConfig, autoConfig } = optionsOf(
    clusterOf(upstreams.map((upstream, index) => testRef(String(index), upstream))),
  );
  return Object.keys(explicitHttpConfig ?? autoConfig ?? {});
}

function endpointsOf(backends: readonly BackendRef[]) {
  const rule = testRule(backends);
  return ruleEndpoints(testRoute(rule), rule).endpoints ?? [];
}

describe("the cluster of a rule", () => {
  it("has a name that changes with its backends and statistics that do not", () => {
    const { name, altStatName } = clusterOf([testRef("a", testUpstream())]);
    assert.deepEqual(
      { name, altStatName },
      { name: "httproute/default/main/rule/0@abc", altStatName: "httproute/default/main/rule/0" },
    );
  });

  it("gets addresses by discovery and resolves names by itself", () => {
    assert.equal(clusterOf([testRef("a", testUpstream())]).type, "EDS");
    const named = clusterOf([testRef("a", testUpstream()), testRef("b", NAMED)]);
    assert.equal(named.clusterType?.name, "envoy.cluster.dns");
    assert.equal(named.loadAssignment?.endpoints?.length, 2);
  });

  it("asks the processor about attempts only where there is a choice of backends", () => {
    const filters = (backends: BackendRef[]) => optionsOf(clusterOf(backends)).httpFilters;
    const [one, two] = [testRef("a", testUpstream()), testRef("b", testUpstream())];
    assert.equal(filters([one]), undefined);
    assert.equal(filters([one, testRef("b", testUpstream(), { weight: 0 })]), undefined);
    assert.deepEqual(
      filters([one, two])?.map(({ name }) => name),
      [
        "envoy.filters.http.ext_proc/aigateway/upstream",
        "envoy.filters.http.header_mutation",
        "envoy.filters.http.upstream_codec",
      ],
    );
  });

  const http2 = testUpstream({ protocol: "h2" });
  const protocols: readonly { name: string; in: Upstream[]; want: string[] }[] = [
    { name: "HTTP/1.1", in: [testUpstream()], want: ["httpProtocolOptions"] },
    { name: "HTTP/2", in: [http2], want: ["http2ProtocolOptions"] },
    {
      name: "the server's choice where backends over TLS differ",
      in: [NAMED, { ...NAMED, protocol: "h2" }],
      want: ["httpProtocolOptions", "http2ProtocolOptions"],
    },
    { name: "HTTP/1.1 where one of them is in clear text", in: [testUpstream(), http2], want: ["httpProtocolOptions"] },
  ];
  for (const { name, in: upstreams, want } of protocols) {
    it(`speaks ${name}`, () => assert.deepEqual(protocolOf(...upstreams), want));
  }

  it("takes the longest connect timeout of its backends", () => {
    const backends = [200, 3_000].map((connectTimeoutMs) => testRef("a", testUpstream({ connectTimeoutMs })));
    assert.equal(clusterOf(backends).connectTimeout, "3s");
  });

  it("limits what the policy limits and next to nothing else", () => {
    const unlimited = clusterOf([testRef("a", testUpstream())]).circuitBreakers?.thresholds?.[0];
    assert.deepEqual(unlimited, {
      maxConnections: 100_000,
      maxPendingRequests: 100_000,
      maxRequests: 100_000,
      maxRetries: 100_000,
    });
    const circuitBreaker = {
      maxConnections: 1,
      maxPendingRequests: 2,
      maxParallelRequests: 3,
      maxParallelRetries: 4,
      maxRequestsPerConnection: 5,
    };
    const limited = clusterOf([testRef("a", testUpstream())], { circuitBreaker });
    assert.deepEqual(limited.circuitBreakers?.thresholds?.[0], {
      maxConnections: 1,
      maxPendingRequests: 2,
      maxRequests: 3,
      maxRetries: 4,
    });
    assert.deepEqual(optionsOf(limited).commonHttpProtocolOptions, { idleTimeout: "60s", maxRequestsPerConnection: 5 });
  });

  it("ejects by what the policy names", () => {
    const passive = {
      splitExternalLocalOriginErrors: false,
      intervalMs: 3_000,
      consecutiveLocalOriginFailures: 5,
      consecutiveGatewayErrors: 0,
      consecutive5XxErrors: 5,
      baseEjectionTimeMs: 30_000,
      maxEjectionPercent: 10,
    };
    const healthCheck = { active: undefined, passive, panicThreshold: 20 };
    const { outlierDetection, commonLbConfig } = clusterOf([testRef("a", testUpstream())], { healthCheck });
    assert.equal(outlierDetection?.enforcingConsecutive5xx, 100);
    assert.equal(outlierDetection?.enforcingConsecutiveGatewayFailure, 0);
    assert.equal(outlierDetection?.interval, "3s");
    assert.deepEqual(commonLbConfig?.healthyPanicThreshold, { value: 20 });
  });

  it("checks health with statuses as half-open ranges", () => {
    const active = {
      timeoutMs: 1_000,
      intervalMs: 3_000,
      unhealthyThreshold: 3,
      healthyThreshold: 1,
      http: { path: "/health", method: "GET", hostname: undefined, expectedStatuses: [200, 204] },
    };
    const healthCheck = { active, passive: undefined, panicThreshold: undefined };
    const [check] = clusterOf([testRef("a", testUpstream())], { healthCheck }).healthChecks ?? [];
    assert.deepEqual(check?.httpHealthCheck, {
      path: "/health",
      codecClientType: "HTTP1",
      method: "GET",
      expectedStatuses: [
        { start: "200", end: "201" },
        { start: "204", end: "205" },
      ],
    });
  });
});

describe("TLS towards the backends of a rule", () => {
  it("is each endpoint's own, and no endpoint falls back to clear text where all have it", () => {
    const other = { ...NAMED, tls: { ...TLS, serverName: "other.test", ca: "PEM" } };
    const { transportSocketMatches, transportSocket } = clusterOf([testRef("a", NAMED), testRef("b", other)]);
    const [a, b] = endpointsOf([testRef("a", NAMED), testRef("b", other)]);
    const matchOf = (locality: typeof a) =>
      locality?.lbEndpoints?.[0]?.metadata?.filterMetadata?.["envoy.transport_socket_match"];
    assert.deepEqual(
      transportSocketMatches?.map(({ match }) => match),
      [matchOf(a), matchOf(b)],
    );
    assert.notDeepEqual(matchOf(a), matchOf(b));
    assert.notEqual(transportSocket, undefined);
  });

  it("leaves endpoints in clear text alone", () => {
    const { transportSocketMatches, transportSocket } = clusterOf([testRef("a", NAMED), testRef("b", testUpstream())]);
    assert.equal(transportSocketMatches?.length, 1);
    assert.equal(transportSocket, undefined);
    const [, clear] = endpointsOf([testRef("a", NAMED), testRef("b", testUpstream())]);
    assert.deepEqual(Object.keys(clear?.lbEndpoints?.[0]?.metadata?.filterMetadata ?? {}), ["aigateway.envoy.io"]);
  });

  const contexts: readonly {
    name: string;
    in: UpstreamTls;
    sni: string | undefined;
    validation: object | undefined;
  }[] = [
    {
      name: "the system's CAs and the server's name",
      in: TLS,
      sni: "api.test",
      validation: {
        trustedCa: { filename: TEST_OPTIONS.systemCaPath },
        matchTypedSubjectAltNames: [{ sanType: "DNS", matcher: { exact: "api.test" } }],
      },
    },
    {
      name: "a CA of its own and an address, which is no server name",
      in: { ...TLS, ca: "PEM", serverName: "10.0.0.1" },
      sni: undefined,
      validation: {
        trustedCa: { inlineString: "PEM" },
        matchTypedSubjectAltNames: [{ sanType: "IP_ADDRESS", matcher: { exact: "10.0.0.1" } }],
      },
    },
    {
      name: "the names that are accepted instead",
      in: {
        ...TLS,
        subjectAltNames: [
          { type: "DNS", value: "other.test" },
          { type: "URI", value: "spiffe://models.test/llm" },
        ],
      },
      sni: "api.test",
      validation: {
        trustedCa: { filename: TEST_OPTIONS.systemCaPath },
        matchTypedSubjectAltNames: [
          { sanType: "DNS", matcher: { exact: "other.test" } },
          { sanType: "URI", matcher: { exact: "spiffe://models.test/llm" } },
        ],
      },
    },
    {
      name: "nobody's word where it is told not to verify",
      in: { ...TLS, insecureSkipVerify: true },
      sni: "api.test",
      validation: undefined,
    },
  ];
  for (const { name, in: tls, sni, validation } of contexts) {
    it(`trusts ${name}`, () => {
      const { transportSocket } = clusterOf([testRef("a", { ...NAMED, tls })]);
      const context = transportSocket?.typedConfig as {
        sni?: string;
        commonTlsContext: { validationContext?: object };
      };
      assert.equal(context.sni, sni);
      assert.deepEqual(context.commonTlsContext.validationContext, validation);
    });
  }
});

describe("the endpoints of a rule", () => {
  it("carry weight, gapless priority, backend and name", () => {
    const backends = [
      testRef("a", testUpstream(), { weight: 90, priority: 1 }),
      testRef("b", testUpstream(), { weight: 10, priority: 7 }),
      testRef("c", testUpstream(), { weight: 0, priority: 0 }),
    ];
    const localities = endpointsOf(backends);
    assert.deepEqual(
      localities.map(({ locality, priority, loadBalancingWeight }) => [
        locality?.region,
        priority,
        loadBalancingWeight,
      ]),
      [
        [backends[0]?.id, 0, 90],
        [backends[1]?.id, 1, 10],
      ],
    );
    assert.deepEqual(localities[0]?.lbEndpoints?.[0], {
      endpoint: {
        address: { socketAddress: { address: "10.0.0.1", portValue: 8080 } },
        hostname: "10.0.0.1",
        healthCheckConfig: { hostname: "10.0.0.1" },
      },
      metadata: { filterMetadata: { "aigateway.envoy.io": { per_route_rule_backend_name: backends[0]?.id } } },
    });
  });

  it("can be Unix sockets, but not beside names", () => {
    const socket = testRef("s", testUpstream({ endpoints: [SOCKET] }));
    assert.deepEqual(endpointsOf([socket])[0]?.lbEndpoints?.[0]?.endpoint?.address, {
      pipe: { path: "/run/model.sock" },
    });
    assert.deepEqual(endpointsOf([socket, testRef("n", NAMED)])[0]?.lbEndpoints, []);
  });
});

describe("what a cluster cannot do", () => {
  const http2 = testUpstream({ protocol: "h2" });
  const cases: readonly { name: string; in: Upstream[]; want: string[] }[] = [
    { name: "nothing", in: [testUpstream(), NAMED], want: [] },
    {
      name: "a Unix socket beside a name",
      in: [testUpstream({ endpoints: [SOCKET] }), NAMED],
      want: [
        "route default/main, rule 0: the Unix socket of backend default/0 is left out, because other backends of the rule are known by name",
      ],
    },
    {
      name: "HTTP/2 beside HTTP/1.1 in clear text",
      in: [testUpstream(), http2],
      want: [
        "route default/main, rule 0: HTTP/1.1 instead of HTTP/2 is spoken to backend default/1, because others of the rule speak only that",
      ],
    },
  ];
  for (const { name, in: upstreams, want } of cases) {
    it(`is told: ${name}`, () => {
      const refs = upstreams.map((upstream, index) => testRef(String(index), upstream));
      assert.deepEqual(limitations(testConfig([testRoute(testRule(refs))])), want);
    });
  }
});

describe("the clusters of our own", () => {
  it("know every worker of the processor", () => {
    const { endpoints } = processorCluster(["/a", "/b"]).loadAssignment ?? {};
    assert.equal(endpoints?.[0]?.lbEndpoints?.length, 2);
  });

  it("ask no processor that has ended or hangs, and soon ask it again", () => {
    const { healthChecks, outlierDetection } = processorCluster(["/a", "/b"]);
    assert.partialDeepStrictEqual(healthChecks, [{ grpcHealthCheck: {}, unhealthyThreshold: 1, healthyThreshold: 1 }]);
    assert.partialDeepStrictEqual(outlierDetection, { consecutiveLocalOriginFailure: 1, maxEjectionPercent: 100 });
  });

  it("reach a processor by socket or by name", () => {
    assert.equal(processorCluster(["/a"]).type, "STATIC");
    assert.equal(processorCluster(["processor.test:1063"]).type, "STRICT_DNS");
    assert.deepEqual(addressOf("/a"), { pipe: { path: "/a" } });
    assert.deepEqual(addressOf("[::1]:80"), { socketAddress: { address: "::1", portValue: 80 } });
  });

  it("have nobody to send what was not routed to", () => {
    assert.equal(nowhereCluster().loadAssignment?.endpoints, undefined);
  });
});
