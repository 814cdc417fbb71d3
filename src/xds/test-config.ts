/** Configurations for tests: a route whose rule has the backends that a test is about. */
import type {
  BackendRef,
  Listener,
  Route,
  Rule,
  RuleTimeouts,
  RuntimeConfig,
  Upstream,
  UpstreamEndpoint,
} from "../config/runtime-config.ts";
import type { TrafficPolicy } from "../config/traffic-policy.ts";
import type { XdsOptions } from "./resources.ts";

/** What the tests do not care about. */
export const TEST_OPTIONS: XdsOptions = {
  bindAddress: "127.0.0.1",
  processor: { sockets: ["/run/aigw/processor-0.sock"] },
  messageTimeoutMs: 10_000,
  systemCaPath: "/etc/ssl/cert.pem",
};

/** An endpoint at an address or a name. */
export function testEndpoint(host: string, port = 443): UpstreamEndpoint {
  return { host, port, unixPath: undefined, authority: host };
}

/** An upstream in clear text. */
export function testUpstream(changes: Partial<Upstream> = {}): Upstream {
  return {
    endpoints: [testEndpoint("10.0.0.1", 8080)],
    protocol: "http/1.1",
    tls: undefined,
    connectTimeoutMs: 10_000,
    ...changes,
  };
}

/** The backendRef `default/<name>`. */
export function testRef(name: string, upstream: Upstream, changes: Partial<BackendRef> = {}): BackendRef {
  return {
    id: `default/${name}/route/main/rule/0/ref/0`,
    backend: {
      id: `default/${name}`,
      schema: { name: "OpenAI", prefix: undefined, version: undefined },
      upstream,
      auth: { type: "none" },
    },
    weight: 1,
    priority: 0,
    modelNameOverride: undefined,
    headerMutation: { set: [], remove: [] },
    bodyMutation: { set: [], remove: [] },
    ...changes,
  };
}

/** The rule 0 of the route `default/main`. */
export function testRule(backends: readonly BackendRef[], timeouts: Partial<RuleTimeouts> = {}): Rule {
  return {
    name: undefined,
    index: 0,
    key: "default/main/0@abc",
    matches: [],
    backends,
    timeouts: { requestMs: undefined, backendRequestMs: undefined, streamIdleMs: undefined, ...timeouts },
    modelsOwnedBy: "",
    modelsCreatedAt: 0,
  };
}

/** The route `default/main`. */
export function testRoute(rule: Rule, traffic?: Partial<TrafficPolicy>): Route {
  return {
    id: "default/main",
    hostnames: [],
    rules: [rule],
    costs: [],
    strictTranslation: false,
    callers: undefined,
    traffic: traffic && {
      timeouts: {
        connectMs: undefined,
        requestMs: undefined,
        connectionIdleMs: undefined,
        maxConnectionDurationMs: undefined,
        streamIdleMs: undefined,
      },
      retry: undefined,
      healthCheck: undefined,
      circuitBreaker: undefined,
      loadBalancer: undefined,
      ...traffic,
    },
  };
}

/** The listener `http`. */
export function testListener(changes: Partial<Listener> = {}): Listener {
  return {
    name: "http",
    port: 1975,
    hostname: undefined,
    bodyBytesMax: 1024,
    tls: undefined,
    http3: false,
    routes: [],
    ...changes,
  };
}

/** A configuration with one listener for its routes. */
export function testConfig(routes: readonly Route[], listener: Partial<Listener> = {}): RuntimeConfig {
  return {
    version: "1",
    listeners: [testListener({ routes, ...listener })],
    routes,
    globalCosts: [],
    limits: [],
    statuses: [],
  };
}
