/**
 * The upstream side: one cluster per rule, because retries and fallback stay within a cluster, and the clusters of our own
 * (https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto).
 */
import type { BackendRef, Route, Rule } from "../config/runtime-config.ts";
import type { CircuitBreaker, LoadBalancer, TrafficPolicy } from "../config/traffic-policy.ts";
import type { Cluster_LbPolicyJson, ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { AddressJson } from "../gen/envoy/config/core/v3/address_pb.ts";
import type { DnsClusterJson } from "../gen/envoy/extensions/clusters/dns/v3/dns_cluster_pb.ts";
import type { HttpProtocolOptionsJson } from "../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";
import { isNamed, ruleEndpoints } from "./endpoints.ts";
import { type ProcessorOptions, upstreamFilters } from "./ext-proc-filter.ts";
import { clusterHealth } from "./health.ts";
import {
  clusterName,
  clusterStatName,
  duration,
  NOWHERE_CLUSTER,
  PROCESSOR_CLUSTER,
  PROTOCOL_OPTIONS,
  typed,
  usableRefs,
} from "./names.ts";
import { type ProcessorTls, processorSocket } from "./processor-tls.ts";
import { transportSockets } from "./upstream-tls.ts";

/** Requests and answers are held whole where the processor rewrites them. */
export const BUFFER_BYTES = 64 * 1024 * 1024;

/** What Envoy asks for where nothing else is configured: its own default of 1024 is soon reached by streams. */
const CIRCUIT_BREAKER_MAX = 100_000;
/** How long an unused connection is kept; load balancers in front of providers close theirs after a minute or later. */
const IDLE_MS = 60_000;
/** Silence after which the kernel probes a connection: a model may think for minutes, and middle boxes forget sooner. */
const TCP_KEEPALIVE_SECONDS = 30;
/** A message to the processor can hold a whole body. */
const PROCESSOR_WINDOW_BYTES = 16 * 1024 * 1024;
const PROCESSOR_CONNECT_TIMEOUT = "5s";

/**
 * A process that has ended gets no more calls after the first that fails, one that hangs after a second; both get calls again
 * as soon as they answer a health check.
 */
const PROCESSOR_HEALTH: Pick<ClusterJson, "healthChecks" | "outlierDetection"> = {
  healthChecks: [
    {
      grpcHealthCheck: {},
      timeout: "1s",
      interval: "0.1s",
      noTrafficInterval: "0.1s",
      unhealthyThreshold: 1,
      healthyThreshold: 1,
    },
  ],
  outlierDetection: {
    splitExternalLocalOriginErrors: true,
    consecutiveLocalOriginFailure: 1,
    enforcingConsecutiveLocalOriginFailure: 100,
    // What the processor answers is no sign that it is ill.
    enforcingConsecutive5xx: 0,
    enforcingConsecutiveGatewayFailure: 0,
    enforcingSuccessRate: 0,
    enforcingLocalOriginSuccessRate: 0,
    maxEjectionPercent: 100,
  },
};

/** Resolves each name to hosts, one per address. */
const DNS_CLUSTER: NonNullable<ClusterJson["clusterType"]> = {
  name: "envoy.cluster.dns",
  typedConfig: typed("envoy.extensions.clusters.dns.v3.DnsCluster", {
    respectDnsTtl: true,
    // Every address becomes a host of its own, and where there is no IPv6 route half of them would fail.
    dnsLookupFamily: "V4_PREFERRED",
  } satisfies DnsClusterJson),
};

/** What clusters need to know of the host. */
export interface ClusterOptions extends ProcessorOptions {
  /** File with the CAs that providers are verified by. */
  readonly systemCaPath: string;
}

/** What Envoy speaks to the backends of a rule. */
type RuleProtocol = "http/1.1" | "h2" | "by ALPN";

/**
 * The protocol for all backends of a rule. Where they differ, TLS lets each server choose (RFC 7301); with one in clear text among
 * them, all are spoken to in HTTP/1.1, which servers of HTTP/2 over TLS speak as well.
 */
export function ruleProtocol(rule: Rule): RuleProtocol {
  const upstreams = usableRefs(rule).map(({ backend }) => backend.upstream);
  const [first, ...others] = new Set(upstreams.map(({ protocol }) => protocol));
  if (first !== undefined && others.length === 0) return first;
  return upstreams.every(({ tls }) => tls !== undefined) ? "by ALPN" : "http/1.1";
}

/** The cluster of a rule. */
export function ruleCluster(route: Route, rule: Rule, options: ClusterOptions): ClusterJson {
  const refs = usableRefs(rule);
  const name = clusterName(route, rule);
  const { traffic } = route;
  const upstreams = refs.map(({ backend }) => backend.upstream);
  return {
    name,
    altStatName: clusterStatName(route, rule),
    connectTimeout: duration(Math.max(...upstreams.map(({ connectTimeoutMs }) => connectTimeoutMs))),
    perConnectionBufferLimitBytes: BUFFER_BYTES,
    ...(isNamed(rule)
      ? { clusterType: DNS_CLUSTER, loadAssignment: ruleEndpoints(route, rule) }
      : { type: "EDS", edsClusterConfig: { edsConfig: { ads: {}, resourceApiVersion: "V3" } } }),
    ...loadBalancing(traffic?.loadBalancer),
    commonLbConfig: {
      localityWeightedLbConfig: {},
      ...panicThreshold(traffic),
    },
    circuitBreakers: circuitBreakers(traffic?.circuitBreaker),
    ...clusterHealth(traffic?.healthCheck, ruleProtocol(rule) === "h2"),
    ...transportSockets(
      upstreams.map(({ tls }) => tls),
      options.systemCaPath,
    ),
    upstreamConnectionOptions: { tcpKeepalive: { keepaliveTime: TCP_KEEPALIVE_SECONDS } },
    typedExtensionProtocolOptions: {
      [PROTOCOL_OPTIONS]: typed(PROTOCOL_OPTIONS, protocolOptions(rule, refs, traffic, options)),
    },
  };
}

/** The cluster of our processor: its worker processes in turn; without `tls` in clear text. */
export function processorCluster(sockets: readonly string[], tls?: ProcessorTls): ClusterJson {
  const options: HttpProtocolOptionsJson = {
    explicitHttpConfig: {
      http2ProtocolOptions: {
        initialStreamWindowSize: PROCESSOR_WINDOW_BYTES,
        initialConnectionWindowSize: 4 * PROCESSOR_WINDOW_BYTES,
        maxConcurrentStreams: CIRCUIT_BREAKER_MAX,
      },
    },
  };
  return {
    name: PROCESSOR_CLUSTER,
    type: sockets.every(isPath) ? "STATIC" : "STRICT_DNS",
    connectTimeout: PROCESSOR_CONNECT_TIMEOUT,
    perConnectionBufferLimitBytes: BUFFER_BYTES,
    lbPolicy: "LEAST_REQUEST",
    circuitBreakers: circuitBreakers(undefined),
    ...PROCESSOR_HEALTH,
    ...(tls === undefined ? {} : { transportSocket: processorSocket(tls) }),
    typedExtensionProtocolOptions: { [PROTOCOL_OPTIONS]: typed(PROTOCOL_OPTIONS, options) },
    loadAssignment: {
      clusterName: PROCESSOR_CLUSTER,
      endpoints: [{ lbEndpoints: sockets.map((socket) => ({ endpoint: { address: addressOf(socket) } })) }],
    },
  };
}

/** A cluster that has nobody to send to, so that what reaches it fails with 503. */
export function nowhereCluster(): ClusterJson {
  return { name: NOWHERE_CLUSTER, type: "STATIC", loadAssignment: { clusterName: NOWHERE_CLUSTER } };
}

function isPath(socket: string): boolean {
  return socket.startsWith("/");
}

/** The address of a Unix socket's path or of `host:port`. */
export function addressOf(socket: string): AddressJson {
  if (isPath(socket)) return { pipe: { path: socket } };
  const colon = socket.lastIndexOf(":");
  const address = socket.slice(0, colon).replace(/^\[|\]$/g, "");
  return { socketAddress: { address, portValue: Number(socket.slice(colon + 1)) } };
}

const LB_POLICIES: Readonly<Record<LoadBalancer["type"], Cluster_LbPolicyJson>> = {
  RoundRobin: "ROUND_ROBIN",
  LeastRequest: "LEAST_REQUEST",
  Random: "RANDOM",
  ConsistentHash: "MAGLEV",
};

function loadBalancing(loadBalancer: LoadBalancer | undefined): Pick<ClusterJson, "lbPolicy"> {
  return { lbPolicy: LB_POLICIES[loadBalancer?.type ?? "RoundRobin"] };
}

function panicThreshold(traffic: TrafficPolicy | undefined): ClusterJson["commonLbConfig"] {
  const value = traffic?.healthCheck?.panicThreshold;
  return value === undefined ? {} : { healthyPanicThreshold: { value } };
}

function circuitBreakers(limits: CircuitBreaker | undefined): NonNullable<ClusterJson["circuitBreakers"]> {
  return {
    thresholds: [
      {
        maxConnections: limits?.maxConnections ?? CIRCUIT_BREAKER_MAX,
        maxPendingRequests: limits?.maxPendingRequests ?? CIRCUIT_BREAKER_MAX,
        maxRequests: limits?.maxParallelRequests ?? CIRCUIT_BREAKER_MAX,
        maxRetries: limits?.maxParallelRetries ?? CIRCUIT_BREAKER_MAX,
      },
    ],
  };
}

function protocolOptions(
  rule: Rule,
  refs: readonly BackendRef[],
  traffic: TrafficPolicy | undefined,
  options: ClusterOptions,
): HttpProtocolOptionsJson {
  const { connectionIdleMs, maxConnectionDurationMs } = traffic?.timeouts ?? {};
  const maxRequests = traffic?.circuitBreaker?.maxRequestsPerConnection;
  return {
    commonHttpProtocolOptions: {
      idleTimeout: duration(connectionIdleMs ?? IDLE_MS),
      ...(maxConnectionDurationMs === undefined ? {} : { maxConnectionDuration: duration(maxConnectionDurationMs) }),
      ...(maxRequests === undefined ? {} : { maxRequestsPerConnection: maxRequests }),
    },
    ...protocolChoice(rule),
    ...(refs.length > 1 ? { httpFilters: upstreamFilters(rule, options) } : {}),
  };
}

function protocolChoice(rule: Rule): HttpProtocolOptionsJson {
  const http1 = { httpProtocolOptions: {} };
  const http2 = { http2ProtocolOptions: { connectionKeepalive: { interval: "30s", timeout: "10s" } } };
  switch (ruleProtocol(rule)) {
    case "http/1.1":
      return { explicitHttpConfig: http1 };
    case "h2":
      return { explicitHttpConfig: http2 };
    case "by ALPN":
      return { autoConfig: { ...http1, ...http2 } };
  }
}
