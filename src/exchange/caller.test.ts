import assert from "node:assert/strict";
import { test } from "node:test";
import { keyDigest } from "../caller-auth/prepare.ts";
import { callerAuth, SigningKey, Stage, tokenAuth } from "../caller-auth/test-tokens.ts";
import type { CallerAuth, GatewayKey } from "../config/callers.ts";
import type { Route } from "../config/runtime-config.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { testRecord } from "../telemetry/test-record.ts";
import { HeaderMap } from "../wire/headers.ts";
import { authorize, identify, mayUse, refuseUnknown } from "./caller.ts";
import { type Exchange, NOBODY } from "./exchange.ts";

for (const { models, model, want } of [
  { models: [], model: "any", want: true },
  { models: ["a"], model: "a", want: true },
  { models: ["a"], model: "ab", want: false },
  { models: ["b", "a*"], model: "a", want: true },
  { models: ["a*"], model: "abc", want: true },
  { models: ["a*"], model: "ba", want: false },
  { models: ["*"], model: "", want: true },
  { models: ["a"], model: "", want: false },
  { models: ["a*"], model: "A", want: false },
]) {
  test(`a caller of [${models}] may ${want ? "" : "not "}use "${model}"`, () => {
    assert.equal(mayUse({ attributes: new Map(), models }, model), want);
  });
}

function gatewayKey(id: string, key: string): GatewayKey {
  const secrets = [{ sha256: keyDigest(key), expiresAtMs: undefined }];
  return { id, secrets, revoked: false, expiresAtMs: undefined, attributes: {}, models: ["m"] };
}

const ISSUER = new SigningKey("k");
const claims = [{ header: "x-user", claim: "sub" }];
const KEYS = callerAuth({ keys: [gatewayKey("default/alice", "aigw_a")] });
const TOKENS = callerAuth({ tokens: [tokenAuth({ claimHeaders: claims })] });
const MAYBE = callerAuth({ tokens: [tokenAuth({ claimHeaders: claims, audiences: [] })], optional: true });
const BEARER = ["authorization", `Bearer ${ISSUER.token()}`];

/** The routes of a listener, and one request to one of them. */
interface Asked {
  readonly routes: readonly (CallerAuth | undefined)[];
  readonly headers: readonly string[];
  readonly route: CallerAuth | undefined;
}

async function play({ routes, headers, route }: Asked): Promise<{ exchange: Exchange; end: string }> {
  const stage = new Stage(routes, [ISSUER]);
  const exchange = {
    context: { callers: stage.authenticator },
    plan: { port: () => ({ callers: stage.callers }) },
    record: testRecord({ originalModel: "m" }),
    ...{ headers: new HeaderMap([...headers]), target: "/", listener: "http", caller: NOBODY, identified: undefined },
  } as unknown as Exchange;
  await identify(exchange);
  for (const [when, check] of [
    ["early", () => refuseUnknown(exchange)],
    ["late", () => authorize(exchange, { callers: route } as Route)],
  ] as const) {
    const error = errorOf(check);
    if (error !== undefined) return { exchange, end: `${when}: ${error.code}: ${error.message}` };
  }
  return { exchange, end: "served" };
}

function errorOf(check: () => void): GatewayError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return GatewayError.from(error);
  }
}

const MISSING = "unauthorized: no API key or token was given";

for (const { name, routes, headers = [], route, want, caller, user } of [
  { name: "nobody, where every route wants a caller", routes: [KEYS], route: KEYS, want: `early: ${MISSING}` },
  { name: "nobody, at a route that wants one", routes: [KEYS, undefined], route: KEYS, want: `late: ${MISSING}` },
  { name: "nobody, at an open route", routes: [KEYS, undefined], route: undefined, want: "served" },
  { name: "nobody, where that is allowed", routes: [KEYS, MAYBE], route: MAYBE, want: "served" },
  {
    name: "a bad token, where none is needed",
    routes: [KEYS, MAYBE],
    headers: ["authorization", "Bearer bad"],
    route: MAYBE,
    want: "late: unauthorized: the API key or token is not valid",
  },
  {
    name: "a key of elsewhere, where a token may be left out",
    routes: [KEYS, MAYBE],
    headers: ["x-api-key", "aigw_a"],
    route: MAYBE,
    want: "served",
  },
  {
    name: "a key, at a route that takes it",
    routes: [KEYS, TOKENS],
    headers: ["x-api-key", "aigw_a"],
    route: KEYS,
    want: "served",
    caller: "default/alice",
  },
  {
    name: "a key, at a route that takes tokens only",
    routes: [KEYS, TOKENS],
    headers: ["x-api-key", "aigw_a"],
    route: TOKENS,
    want: "late: unauthorized: the API key or token is not for this route",
    caller: "default/alice",
  },
  {
    name: "a key and a token, at a route that takes keys",
    routes: [KEYS, TOKENS],
    headers: ["x-api-key", "aigw_a", ...BEARER, "x-user", "forged"],
    route: KEYS,
    want: "served",
    caller: "default/alice",
  },
  {
    name: "a key and a token, at a route that takes tokens",
    routes: [KEYS, TOKENS],
    headers: ["x-api-key", "aigw_a", ...BEARER, "x-user", "forged"],
    route: TOKENS,
    want: "served",
    caller: undefined,
    user: "alice",
  },
]) {
  test(`${name}: ${want}`, async () => {
    const { exchange, end } = await play({ routes, headers, route });
    assert.equal(end, want);
    assert.equal(exchange.caller.attributes.get("key"), caller);
    assert.equal(exchange.record.callerKey, caller ?? "");
    assert.equal(exchange.headers.get("x-user"), user);
  });
}

test("where nobody has to be known nothing is looked at", () => {
  const exchange = { plan: { port: () => ({ callers: undefined }) }, identified: undefined } as unknown as Exchange;
  assert.equal(identify(exchange), undefined);
  refuseUnknown(exchange);
  authorize(exchange, { callers: undefined } as Route);
  assert.equal(exchange.identified, undefined);
});
