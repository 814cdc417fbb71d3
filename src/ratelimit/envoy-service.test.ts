import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary, toJson } from "@bufbuild/protobuf";
import type { Limit } from "../config/limits.ts";
import { invariant } from "../errors/invariant.ts";
import {
  RateLimitRequestSchema,
  type RateLimitResponseJson,
  RateLimitResponseSchema,
} from "../gen/envoy/service/ratelimit/v3/rls_pb.ts";
import { EnvoyService } from "./envoy-service.ts";
import type { Limiter } from "./limiter.ts";
import { MemoryStore } from "./memory-store.ts";
import { testLimit } from "./test-limit.ts";
import { DistantStore, FakeClock, limiterIn } from "./test-world.ts";

const METHOD = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
const NOON = Date.parse("2026-03-01T12:00:00Z");

const REQUESTS = testLimit({
  id: "requests",
  name: "BackendTrafficPolicy default/p, global rule 0",
  kind: "BackendTrafficPolicy",
  amount: 3,
});
const TOKENS: Limit = {
  ...REQUESTS,
  id: "tokens",
  name: "BackendTrafficPolicy default/p, global rule 1",
  amount: 100,
  window: { type: "fixed", durationMs: 3_600_000 },
  per: [{ from: "header", name: "x-tenant" }],
  requestCost: 0,
  answerCost: { from: "metadata", key: "total_tokens" },
  unit: "cost",
};

type Descriptor = NonNullable<MessageInitShape<typeof RateLimitRequestSchema>["descriptors"]>[number];

function descriptor(limit: Limit, hits: number, client?: string): Descriptor {
  const entries = [{ key: "limit", value: limit.id }];
  if (client !== undefined) entries.push({ key: "client", value: client });
  return { entries, hitsAddend: BigInt(hits) };
}

const AT_END: Descriptor = { entries: [{ key: "at", value: "end" }], hitsAddend: 0n };

class Envoy {
  readonly service: EnvoyService;
  readonly limiter: Limiter;

  constructor(limits: readonly Limit[], limiter?: Limiter) {
    const clock = new FakeClock(NOON);
    this.limiter = limiter ?? limiterIn(clock, new MemoryStore({ nowMs: () => clock.nowMs }));
    this.service = new EnvoyService(this.limiter, () => clock.nowMs);
    this.service.configure(limits);
  }

  /** One call; undefined while it is not answered. */
  call(request: MessageInitShape<typeof RateLimitRequestSchema>): () => RateLimitResponseJson | undefined {
    const open = this.service.methods.get(METHOD);
    invariant(open, "the method is there");
    let answer: RateLimitResponseJson | undefined;
    const handler = open({
      headers: new Map(),
      send: (message) => {
        answer = toJson(RateLimitResponseSchema, fromBinary(RateLimitResponseSchema, message));
      },
      end: (status) => assert.equal(status, 0),
    });
    handler.onMessage(toBinary(RateLimitRequestSchema, create(RateLimitRequestSchema, { domain: "aigw", ...request })));
    return () => answer;
  }

  ask(...descriptors: Descriptor[]): RateLimitResponseJson {
    const answer = this.call({ descriptors })();
    invariant(answer, "counters in this process are not waited for");
    return answer;
  }
}

test("requests are taken until the limit is reached, and each is told what is left", () => {
  const envoy = new Envoy([REQUESTS]);
  assert.deepEqual(envoy.ask(descriptor(REQUESTS, 1)), {
    overallCode: "OK",
    statuses: [
      {
        code: "OK",
        currentLimit: { requestsPerUnit: 3, unit: "MINUTE" },
        limitRemaining: 2,
        durationUntilReset: "60s",
      },
    ],
  });
  envoy.ask(descriptor(REQUESTS, 1));
  assert.equal(envoy.ask(descriptor(REQUESTS, 1)).overallCode, "OK");
  assert.deepEqual(envoy.ask(descriptor(REQUESTS, 1)), {
    overallCode: "OVER_LIMIT",
    statuses: [{ code: "OVER_LIMIT", currentLimit: { requestsPerUnit: 3, unit: "MINUTE" }, durationUntilReset: "60s" }],
    responseHeadersToAdd: [
      {
        key: "x-aigw-limit-refusal",
        value:
          "rate_limited requests limit reached: BackendTrafficPolicy default/p, global rule 0: 3 of 3 requests are used; it resets at 2026-03-01T12:01:00Z",
      },
      { key: "x-aigw-limit-states", value: "requests 3/3" },
    ],
  });
});

test("tokens are charged when an answer has ended, beyond the limit too, and the next request is refused", () => {
  const envoy = new Envoy([TOKENS]);
  assert.equal(envoy.ask(descriptor(TOKENS, 0, "acme")).statuses?.[0]?.limitRemaining, 100);
  assert.deepEqual(envoy.ask(descriptor(TOKENS, 70, "acme"), AT_END), {
    overallCode: "OK",
    statuses: [{ code: "OK" }, { code: "OK" }],
  });
  assert.equal(envoy.ask(descriptor(TOKENS, 0, "acme")).statuses?.[0]?.limitRemaining, 30);
  assert.equal(envoy.ask(descriptor(TOKENS, 70, "acme"), AT_END).overallCode, "OK");
  const refused = envoy.ask(descriptor(TOKENS, 0, "acme"));
  assert.equal(refused.overallCode, "OVER_LIMIT");
  assert.match(refused.responseHeadersToAdd?.[0]?.value ?? "", /\(header x-tenant: acme\): 140 of 100 units of cost/);
  assert.equal(envoy.ask(descriptor(TOKENS, 0, "umbrella")).overallCode, "OK");
  assert.deepEqual(envoy.service.stats, { asked: 4, charged: 2, unknown: 0 });
});

test("a charge that is equal to what a request costs is charged when nothing is left", async () => {
  const envoy = new Envoy([{ ...REQUESTS, answerCost: { from: "number", number: 1 } }]);
  for (const _ of [1, 2, 3]) envoy.ask(descriptor(REQUESTS, 1));
  envoy.ask(descriptor(REQUESTS, 1), AT_END);
  const limit = REQUESTS;
  const [reading] = await envoy.limiter.read([{ limit, values: [], answerEstimate: 0, assumed: 0 }]);
  assert.equal(reading?.used, 4);
});

test("what one limit refuses no other is charged for", () => {
  const envoy = new Envoy([REQUESTS, { ...REQUESTS, id: "none", amount: 0 }]);
  const none = { ...REQUESTS, id: "none" };
  assert.equal(envoy.ask(descriptor(REQUESTS, 1), descriptor(none, 1)).overallCode, "OVER_LIMIT");
  assert.equal(envoy.ask(descriptor(REQUESTS, 1)).statuses?.[0]?.limitRemaining, 2);
});

test("of several limits that hold, the one with the least share left is told of", () => {
  const envoy = new Envoy([TOKENS, REQUESTS]);
  const { statuses } = envoy.ask(descriptor(TOKENS, 0, "acme"), descriptor(REQUESTS, 1));
  assert.deepEqual(
    statuses?.map(({ currentLimit }) => currentLimit?.requestsPerUnit),
    [undefined, 3],
  );
});

test("a limit in shadow mode is counted, refuses nothing and is told to nobody", () => {
  const shadow = { ...REQUESTS, shadow: true };
  const envoy = new Envoy([shadow]);
  for (const _ of [1, 2, 3, 4]) {
    assert.deepEqual(envoy.ask(descriptor(shadow, 1)), { overallCode: "OK", statuses: [{ code: "OK" }] });
  }
  assert.equal(envoy.limiter.known(1)[0]?.state.used, 4);
});

const UNKNOWN: readonly { name: string; in: Descriptor }[] = [
  { name: "an unknown limit", in: descriptor({ ...REQUESTS, id: "gone" }, 1) },
  { name: "a limit that is not Envoy's to count", in: descriptor({ ...REQUESTS, id: "money" }, 1) },
  { name: "other entries", in: { entries: [{ key: "remote_address", value: "10.0.0.1" }] } },
  { name: "a limit with a client it does not tell apart", in: descriptor(REQUESTS, 1, "acme") },
  { name: "no entries", in: {} },
];

for (const { name, in: asked } of UNKNOWN) {
  test(`${name}: limits nothing`, () => {
    const envoy = new Envoy([
      { ...REQUESTS, amount: 0 },
      { ...REQUESTS, amount: 0, id: "money", kind: "BudgetPolicy" },
    ]);
    assert.deepEqual(envoy.ask(asked), { overallCode: "OK", statuses: [{ code: "OK" }] });
    assert.equal(envoy.service.stats.unknown, 1);
  });
}

test("another domain has no limits here", () => {
  const envoy = new Envoy([{ ...REQUESTS, amount: 0 }]);
  assert.equal(envoy.call({ domain: "other", descriptors: [descriptor(REQUESTS, 1)] })()?.overallCode, "OK");
});

const HITS: readonly { name: string; in: MessageInitShape<typeof RateLimitRequestSchema>; want: number }[] = [
  { name: "of the descriptor", in: { hitsAddend: 9, descriptors: [descriptor(REQUESTS, 2)] }, want: 1 },
  {
    name: "of the call",
    in: { hitsAddend: 2, descriptors: [{ ...descriptor(REQUESTS, 0), hitsAddend: undefined }] },
    want: 1,
  },
  { name: "of neither: one", in: { descriptors: [{ ...descriptor(REQUESTS, 0), hitsAddend: undefined }] }, want: 2 },
];

for (const { name, in: request, want } of HITS) {
  test(`hits ${name}`, () => {
    assert.equal(new Envoy([REQUESTS]).call(request)()?.statuses?.[0]?.limitRemaining, want);
  });
}

test("a changed limit holds at once and keeps what was counted", () => {
  const envoy = new Envoy([REQUESTS]);
  for (const _ of [1, 2, 3]) envoy.ask(descriptor(REQUESTS, 1));
  envoy.service.configure([{ ...REQUESTS, amount: 5 }]);
  assert.equal(envoy.ask(descriptor(REQUESTS, 1)).statuses?.[0]?.limitRemaining, 1);
});

test("a store on the way is waited for; one that is away refuses under fail-closed", async () => {
  const clock = new FakeClock(NOON);
  const store = new DistantStore(clock, 5);
  const envoy = new Envoy([REQUESTS], limiterIn(clock, store, { withoutStore: "fail-closed" }));
  const answer = envoy.call({ descriptors: [descriptor(REQUESTS, 1)] });
  assert.equal(answer(), undefined);
  await clock.advance(10);
  assert.equal(answer()?.overallCode, "OK");

  store.fates = Array.from({ length: 1000 }, () => "refused" as const);
  await clock.advance(120_000);
  const later = envoy.call({ descriptors: [descriptor(REQUESTS, 1)] });
  await clock.advance(2_000);
  assert.deepEqual(later(), {
    overallCode: "OVER_LIMIT",
    statuses: [{ code: "OK" }],
    responseHeadersToAdd: [
      { key: "x-aigw-limit-refusal", value: "limits_unavailable - limits cannot be checked at the moment" },
    ],
  });
});
