/**
 * How Envoy tells the processor what became of requests that it has no record of yet: of the ones that Envoy has refused by
 * itself, of callers who left and of answers that were cut off, it hears no other way.
 */
import { DYNAMIC_METADATA, SETTLED_KEY } from "../exchange/envoy-names.ts";
import type { AccessLogFilterJson, AccessLogJson } from "../gen/envoy/config/accesslog/v3/accesslog_pb.ts";
import type { RetryPolicyJson } from "../gen/envoy/config/core/v3/base_pb.ts";
import type { HttpGrpcAccessLogConfigJson } from "../gen/envoy/extensions/access_loggers/grpc/v3/als_pb.ts";
import { PROCESSOR_CLUSTER, typed } from "./names.ts";
import { TO_OTHER_HOSTS } from "./retry-hosts.ts";

/** How long entries are gathered before they are sent. */
const FLUSH_INTERVAL = "0.1s";

/**
 * Without it Envoy drops what it was about to send when the processor that it has drawn takes no connection, as one that is being
 * replaced (https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/extensions/access_loggers/grpc/v3/als.proto). It goes to another one, and
 * where there is none it waits for longer than a new one takes to start. Little can wait: Envoy 1.40 keeps 64 KiB per thread, and
 * begins with 61 KiB about itself.
 */
const RETRIES: RetryPolicyJson = {
  numRetries: 20,
  retryBackOff: { baseInterval: "0.025s", maxInterval: "1s" },
  ...TO_OTHER_HOSTS,
};

/** The access loggers of a listener. */
export function accessLog(listener: string): AccessLogJson[] {
  const config: HttpGrpcAccessLogConfigJson = {
    commonConfig: {
      logName: listener,
      transportApiVersion: "V3",
      grpcService: { envoyGrpc: { clusterName: PROCESSOR_CLUSTER, skipEnvoyHeaders: true } },
      bufferFlushInterval: FLUSH_INTERVAL,
      grpcStreamRetryPolicy: RETRIES,
    },
  };
  return [
    {
      name: "envoy.access_loggers.http_grpc",
      filter: UNSETTLED,
      typedConfig: typed("envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig", config),
    },
  ];
}

/** The processor marks every request that it has a record of this way; this filter cannot ask for a key's absence alone. */
const UNSETTLED: AccessLogFilterJson = {
  metadataFilter: {
    matcher: { filter: DYNAMIC_METADATA, path: [{ key: SETTLED_KEY }], value: { doubleMatch: { exact: 0 } } },
    matchIfKeyNotFound: true,
  },
};
