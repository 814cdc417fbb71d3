/** `aigw ratelimit` as Envoys ask it: over gRPC, and of several processes at once. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { type RateLimitService, startRateLimitService } from "../../test/server/rate-limit-service.ts";
import {
  RateLimitRequestSchema,
  RateLimitResponse_Code,
  RateLimitResponseSchema,
} from "../gen/envoy/service/ratelimit/v3/rls_pb.ts";

const LIMIT = 25;
const CONFIG = `---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: { name: main, namespace: default }
spec:
  rules: [{ backendRefs: [{ name: openai }] }]
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: { name: openai, namespace: default }
spec:
  schema: { name: OpenAI }
  backendRef: { name: openai, kind: Backend, group: gateway.envoyproxy.io }
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: { name: openai, namespace: default }
spec: { endpoints: [{ ip: { address: 127.0.0.1, port: 9 } }] }
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: { name: limits, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIGatewayRoute, name: main }]
  rateLimit: { type: Global, global: { rules: [{ limit: { requests: ${LIMIT}, unit: Year } }] } }
`;

let service: RateLimitService;
before(async () => {
  service = await startRateLimitService(CONFIG, { args: ["--workers", "2"] });
});
after(() => service.stop());

async function call(path: string, message: Uint8Array): Promise<Buffer> {
  // A pool of its own: a connection of its own, which the workers get in turn.
  const client = new Client(service.address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  const same = (bytes: Buffer) => bytes;
  try {
    return await new Promise((resolve, reject) => {
      const deadline = Date.now() + 10_000;
      client.makeUnaryRequest(path, same, same, Buffer.from(message), { deadline }, (error, answer) => {
        if (error === null && answer !== undefined) resolve(answer);
        else reject(error ?? new Error("no answer"));
      });
    });
  } finally {
    client.close();
  }
}

async function isAdmitted(): Promise<boolean> {
  const value = "BackendTrafficPolicy/default/limits/route/default/main/rule/0";
  const descriptors = [{ entries: [{ key: "limit", value }], hitsAddend: 1n }];
  const request = create(RateLimitRequestSchema, { domain: "aigw", descriptors });
  const path = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
  const answer = await call(path, toBinary(RateLimitRequestSchema, request));
  return fromBinary(RateLimitResponseSchema, answer).overallCode === RateLimitResponse_Code.OK;
}

test("calls at once, to several processes, get exactly what there is", async () => {
  const admitted = await Promise.all(Array.from({ length: 2 * LIMIT }, isAdmitted));
  assert.equal(admitted.filter(Boolean).length, LIMIT);
});

test("it answers health checks, and a malformed call fails alone", async () => {
  assert.equal((await call("/grpc.health.v1.Health/Check", Buffer.alloc(0)))[1], 1);
  const path = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
  await assert.rejects(call(path, Buffer.of(0xff)), /13 INTERNAL/);
  assert.equal(await isAdmitted(), false);
});

test("its metrics tell of the calls of all processes", async () => {
  const metrics = await (await fetch(`${service.adminUrl}/metrics`)).text();
  assert.match(metrics, /^aigw_processes 2$/m);
  assert.match(metrics, /^aigw_rate_limit_calls_total\{about="request"\} 51$/m);
  assert.match(metrics, /^aigw_limit_decisions_total\{decision="admitted"\} 25$/m);
});

test("certificates belong together", async () => {
  await assert.rejects(startRateLimitService(CONFIG, { args: ["--tls-cert", "x.pem"] }), /belong together/);
});
