import assert from "node:assert/strict";
import { test } from "node:test";
import { accessLog } from "./access-log.ts";

test("an entry for a processor that takes no connection is sent to another one, and again until there is one", () => {
  const [logger, ...others] = accessLog("http");
  assert.deepEqual(others, []);
  assert.partialDeepStrictEqual(logger?.typedConfig, {
    commonConfig: {
      grpcStreamRetryPolicy: {
        numRetries: 20,
        retryHostPredicate: [{ name: "envoy.retry_host_predicates.previous_hosts" }],
      },
    },
  });
});
