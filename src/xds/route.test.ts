import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RuleTimeouts } from "../config/runtime-config.ts";
import type { RetryPolicy } from "../config/traffic-policy.ts";
import { routeConfiguration } from "./route.ts";
import { testListener, testRef, testRoute, testRule, testUpstream } from "./test-config.ts";

const ONE = [testRef("a", testUpstream())];
const TWO = [...ONE, testRef("b", testUpstream())];
const RETRY: RetryPolicy = {
  numRetries: 2,
  attemptsPerPriority: undefined,
  perTryTimeoutMs: undefined,
  backoffBaseMs: undefined,
  backoffMaxMs: undefined,
  triggers: ["connect-failure"],
  statusCodes: [],
};

function routesOf(route: ReturnType<typeof testRoute>) {
  return routeConfiguration(testListener({ routes: [route] }), []).virtualHosts?.[0]?.routes ?? [];
}

function actionOf(route: ReturnType<typeof testRoute>) {
  return routesOf(route)[0]?.route ?? {};
}

describe("the route table", () => {
  it("finds a rule by its key alone and sends everything else nowhere", () => {
    const routes = routesOf(testRoute(testRule(ONE)));
    assert.deepEqual(
      routes.map(({ match, route }) => ({ match, cluster: route?.cluster })),
      [
        {
          match: { prefix: "/", headers: [{ name: "x-ai-eg-route", stringMatch: { exact: "default/main/0@abc" } }] },
          cluster: "httproute/default/main/rule/0@abc",
        },
        { match: { prefix: "/" }, cluster: "aigw-none" },
      ],
    );
  });

  it("has no route for a rule without a backend that can be chosen", () => {
    const routes = routesOf(testRoute(testRule([testRef("a", testUpstream(), { weight: 0 })])));
    assert.deepEqual(
      routes.map(({ name }) => name),
      ["unrouted"],
    );
  });

  it("tells the route's name and keeps internal headers from the provider", () => {
    const [route] = routesOf(testRoute(testRule(ONE)));
    assert.deepEqual(route?.metadata, {
      filterMetadata: { "aigateway.envoy.io": { aigw_route_name: "default/main" } },
    });
    assert.ok(route?.requestHeadersToRemove?.includes("x-ai-eg-route"));
    assert.equal(route?.route?.autoHostRewrite, true);
  });

  it("has one route for a rule, however many backends it has", () => {
    assert.equal(routesOf(testRoute(testRule(TWO))).length, 2);
  });
});

describe("time limits of a route", () => {
  const cases: readonly { name: string; in: Partial<RuleTimeouts>; want: object }[] = [
    {
      name: "come later than the longer of the processor's defaults where nothing is configured",
      in: {},
      want: { timeout: "0s", idleTimeout: "610s", perTryIdleTimeout: "610s" },
    },
    {
      name: "come later than the processor's limit of the request",
      in: { requestMs: 1_500 },
      want: { timeout: "11.5s", idleTimeout: "610s", perTryIdleTimeout: "610s" },
    },
    {
      name: "come later than the processor's limit of silence, before and after the first byte",
      in: { streamIdleMs: 300, backendRequestMs: 2_000 },
      want: { timeout: "0s", idleTimeout: "10.3s", perTryIdleTimeout: "10.3s" },
    },
    {
      name: "are none where 0 is configured",
      in: { requestMs: 0, backendRequestMs: 0, streamIdleMs: 0 },
      want: { timeout: "0s", idleTimeout: "0s", perTryIdleTimeout: "0s" },
    },
  ];
  for (const { name, in: timeouts, want } of cases) {
    it(name, () => {
      const { timeout, idleTimeout, retryPolicy } = actionOf(testRoute(testRule(ONE, timeouts)));
      const { perTryTimeout, perTryIdleTimeout } = retryPolicy ?? {};
      assert.equal(perTryTimeout, undefined);
      assert.deepEqual({ timeout, idleTimeout, perTryIdleTimeout }, want);
    });
  }

  it("takes the policy's limit of silence where the rule has none", () => {
    const timeouts = {
      connectMs: undefined,
      requestMs: undefined,
      connectionIdleMs: undefined,
      maxConnectionDurationMs: undefined,
      streamIdleMs: 5_000,
    };
    assert.equal(actionOf(testRoute(testRule(ONE), { timeouts })).retryPolicy?.perTryIdleTimeout, "15s");
    const rule = testRule(ONE, { streamIdleMs: 1_000 });
    assert.equal(actionOf(testRoute(rule, { timeouts })).retryPolicy?.perTryIdleTimeout, "11s");
  });
});

describe("retries of a route", () => {
  const retryOf = (changes: Partial<RetryPolicy>) =>
    actionOf(testRoute(testRule(TWO), { retry: { ...RETRY, ...changes } })).retryPolicy ?? {};

  it("are for what was never sent where there is no policy", () => {
    const { retryOn, numRetries } = actionOf(testRoute(testRule(TWO))).retryPolicy ?? {};
    assert.deepEqual(
      { retryOn, numRetries },
      { retryOn: "connect-failure,refused-stream,reset-before-request", numRetries: 1 },
    );
  });

  it("avoid endpoints that were tried", () => {
    const { retryOn, numRetries, retryHostPredicate, retryPriority } = retryOf({});
    assert.deepEqual(
      { retryOn, numRetries, retryPriority },
      { retryOn: "connect-failure", numRetries: 2, retryPriority: undefined },
    );
    assert.equal(retryHostPredicate?.[0]?.name, "envoy.retry_host_predicates.previous_hosts");
  });

  it("go on to the next priority after the configured number of attempts", () => {
    assert.deepEqual(retryOf({ attemptsPerPriority: 1 }).retryPriority, {
      name: "envoy.retry_priorities.previous_priorities",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
        updateFrequency: 1,
      },
    });
  });

  it("are triggered by the status codes of the policy without being told twice", () => {
    const { retryOn, retriableStatusCodes } = retryOf({
      statusCodes: [429, 503],
      triggers: ["reset", "retriable-status-codes"],
    });
    assert.deepEqual(
      { retryOn, retriableStatusCodes },
      { retryOn: "reset,retriable-status-codes", retriableStatusCodes: [429, 503] },
    );
  });

  it("begin when the first byte of an attempt is late", () => {
    assert.equal(retryOf({}).perTryTimeout, "600s");
  });

  it("limit each attempt by the shorter of the policy's and the rule's limit", () => {
    assert.equal(retryOf({ perTryTimeoutMs: 4_000 }).perTryTimeout, "4s");
    const route = testRoute(testRule(TWO, { backendRequestMs: 1_000 }), {
      retry: { ...RETRY, perTryTimeoutMs: 4_000 },
    });
    assert.equal(actionOf(route).retryPolicy?.perTryTimeout, "1s");
  });

  const backOffs: readonly { name: string; in: Partial<RetryPolicy>; want: object | undefined }[] = [
    { name: "nothing", in: {}, want: undefined },
    { name: "a base", in: { backoffBaseMs: 100 }, want: { baseInterval: "0.1s" } },
    {
      name: "a most below the default base",
      in: { backoffMaxMs: 10 },
      want: { baseInterval: "0.01s", maxInterval: "0.01s" },
    },
    {
      name: "both",
      in: { backoffBaseMs: 100, backoffMaxMs: 2_000 },
      want: { baseInterval: "0.1s", maxInterval: "2s" },
    },
  ];
  for (const { name, in: changes, want } of backOffs) {
    it(`wait as configured: ${name}`, () => assert.deepEqual(retryOf(changes).retryBackOff, want));
  }
});

describe("consistent hashing", () => {
  it("hashes the caller's address or a header", () => {
    const hashOf = (hash: { type: "SourceIP" } | { type: "Header"; header: string }) =>
      actionOf(testRoute(testRule(TWO), { loadBalancer: { type: "ConsistentHash", hash } })).hashPolicy;
    assert.deepEqual(hashOf({ type: "SourceIP" }), [{ connectionProperties: { sourceIp: true } }]);
    assert.deepEqual(hashOf({ type: "Header", header: "x-user" }), [{ header: { headerName: "x-user" } }]);
  });
});
