/** Health checks of a BackendTrafficPolicy
 * (https://gateway.envoyproxy.io/latest/api/extension_types/#healthcheck). */
import * as Type from "typebox";
import { HttpStatus, open, PreciseHostname, positiveDuration, unapplied, unappliedFields } from "./schema.ts";

/** Asks backends whether they are well. */
export const ActiveHealthCheck = open({
  timeout: positiveDuration({ default: "1s" }),
  interval: positiveDuration({ default: "3s" }),
  unhealthyThreshold: Type.Integer({ minimum: 1, default: 3 }),
  healthyThreshold: Type.Integer({ minimum: 1, default: 1 }),
  type: Type.Enum(["HTTP", "TCP", "GRPC"]),
  http: Type.Optional(
    open({
      path: Type.String({ minLength: 1, maxLength: 1024 }),
      hostname: Type.Optional(PreciseHostname),
      method: Type.Optional(Type.String({ pattern: "^[A-Z]+$", "x-expects": "a method such as GET" })),
      expectedStatuses: Type.Optional(Type.Array(HttpStatus)),
      ...unappliedFields("retriableStatuses", "expectedResponse", "requestBody"),
    }),
  ),
  tcp: Type.Optional(Type.Unknown()),
  grpc: Type.Optional(Type.Unknown()),
  initialJitter: unapplied(),
  overrides: unapplied(),
});

/** Draws conclusions from answers (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier). */
export const PassiveHealthCheck = open({
  splitExternalLocalOriginErrors: Type.Boolean({ default: false }),
  interval: positiveDuration({ default: "3s" }),
  consecutiveLocalOriginFailures: Type.Integer({ minimum: 0, default: 5 }),
  consecutiveGatewayErrors: Type.Integer({ minimum: 0, default: 0 }),
  consecutive5XxErrors: Type.Integer({ minimum: 0, default: 5 }),
  baseEjectionTime: positiveDuration({ default: "30s" }),
  maxEjectionPercent: Type.Integer({ minimum: 0, maximum: 100, default: 10 }),
  failurePercentageThreshold: unapplied(),
  alwaysEjectOneEndpoint: unapplied(),
});
