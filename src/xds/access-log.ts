/**
 * How Envoy tells the processor what became of requests that it has no record of yet: of the ones that Envoy has refused by
 * itself, of callers who left and of answers that were cut off, it hears no other way.
 */
import { DYNAMIC_METADATA, SETTLED_KEY } from "../exchange/envoy-names.ts";
import type { AccessLogFilterJson, AccessLogJson } from "../gen/envoy/config/accesslog/v3/accesslog_pb.ts";
import type { HttpGrpcAccessLogConfigJson } from "../gen/envoy/extensions/access_loggers/grpc/v3/als_pb.ts";
import { PROCESSOR_CLUSTER, typed } from "./names.ts";

/** How long entries are gathered before they are sent. */
const FLUSH_INTERVAL = "0.1s";

/** The access loggers of a listener. */
export function accessLog(listener: string): AccessLogJson[] {
  const config: HttpGrpcAccessLogConfigJson = {
    commonConfig: {
      logName: listener,
      transportApiVersion: "V3",
      grpcService: { envoyGrpc: { clusterName: PROCESSOR_CLUSTER, skipEnvoyHeaders: true } },
      bufferFlushInterval: FLUSH_INTERVAL,
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
