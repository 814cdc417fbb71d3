/** Where a retry goes. */
import type { RetryPolicyJson } from "../gen/envoy/config/core/v3/base_pb.ts";
import { typed } from "./names.ts";

/** How often Envoy draws again when it draws an endpoint that was tried before. */
const DRAWS_MAX = 5;

/** Sends a retry to an endpoint that was not tried before, as long as there is one. */
export const TO_OTHER_HOSTS = {
  retryHostPredicate: [
    {
      name: "envoy.retry_host_predicates.previous_hosts",
      typedConfig: typed("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate", {}),
    },
  ],
  hostSelectionRetryMaxAttempts: String(DRAWS_MAX),
} satisfies RetryPolicyJson;
