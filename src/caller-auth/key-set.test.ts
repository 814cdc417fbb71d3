import assert from "node:assert/strict";
import { test } from "node:test";
import { callerAuth, jwks, SigningKey, Stage, tokenAuth } from "./test-tokens.ts";

const FIRST = new SigningKey("first");
const SECOND = new SigningKey("second");
const AUTH = callerAuth({ tokens: [tokenAuth()] });
/** What {@link tokenAuth} says, and the least time between two fetches. */
const CACHE_MS = 300_000;
const PAUSE_MS = 10_000;

test("the keys are fetched when the configuration comes into force, once for all that ask at the same time", async () => {
  const one = new Stage([AUTH], [FIRST]);
  one.authenticator.retain(AUTH.tokens);
  assert.equal(one.fetches, 1);
  const subjects = await Promise.all([FIRST.token(), FIRST.token({ sub: "bob" })].map((token) => one.subject(token)));
  assert.deepEqual(subjects, ["alice", "bob"]);
  assert.equal(one.fetches, 1);
});

test("a key that is new is fetched by the first token that names it", async () => {
  const one = new Stage([AUTH], [FIRST]);
  assert.equal(await one.subject(FIRST.token()), "alice");
  one.keySet = jwks([FIRST, SECOND]);
  one.nowMs += PAUSE_MS;
  assert.equal(await one.subject(SECOND.token()), "alice");
  assert.equal(one.fetches, 2);
});

test("tokens that name keys nobody has cost one fetch in ten seconds", async () => {
  const one = new Stage([AUTH], [FIRST]);
  await one.subject(FIRST.token());
  one.nowMs += PAUSE_MS;
  const tokens = Array.from({ length: 50 }, (_, i) => SECOND.token({}, { kid: `unknown-${i}` }));
  const subjects = await Promise.all(tokens.map((token) => one.subject(token)));
  assert.deepEqual([...new Set(subjects)], ["invalid"]);
  assert.equal(one.fetches, 2);
});

test("a token whose key was taken back is refused, though it was good before", async () => {
  const one = new Stage([AUTH], [FIRST]);
  const token = FIRST.token({ exp: undefined });
  assert.equal(await one.subject(token), "alice");
  one.keySet = jwks([SECOND]);
  one.nowMs += CACHE_MS;
  // In the background: the keys are not so old that a request has to wait for others.
  assert.equal(await one.subject(token), "alice");
  assert.equal(await one.subject(token), "invalid");
});

test("keys that are much too old are waited for", async () => {
  const one = new Stage([AUTH], [FIRST]);
  const token = FIRST.token({ exp: undefined });
  assert.equal(await one.subject(token), "alice");
  one.keySet = jwks([SECOND]);
  one.nowMs += 2 * CACHE_MS;
  assert.equal(await one.subject(token), "invalid");
});

for (const { name, answer } of [
  { name: "cannot be had", answer: new Error("status 500") },
  { name: "are no JSON", answer: "<html>" },
  { name: "are no key set", answer: '{"keys": 1}' },
]) {
  test(`keys stay in use when others ${name}, and that is logged`, async () => {
    const one = new Stage([AUTH], [FIRST]);
    const token = FIRST.token({ exp: undefined });
    assert.equal(await one.subject(token), "alice");
    one.keySet = answer;
    one.nowMs += 3 * CACHE_MS;
    assert.equal(await one.subject(token), "alice");
    assert.match(one.lines.join(""), /keys of a token issuer cannot be fetched: the old ones stay in use/);
  });
}

test("without any keys nobody can be verified; that is no fault of the caller's", async () => {
  const one = new Stage([AUTH], [FIRST]);
  const { keySet } = one;
  one.keySet = new Error("ECONNREFUSED");
  assert.equal(await one.subject(FIRST.token()), "issuer-unavailable");
  one.keySet = keySet;
  assert.equal(await one.subject(FIRST.token()), "issuer-unavailable");
  one.nowMs += PAUSE_MS;
  assert.equal(await one.subject(FIRST.token()), "alice");
});

test("keys may stand in the configuration", async () => {
  const keySet = { from: "inline", jwks: jwks([FIRST]) } as const;
  const one = new Stage([callerAuth({ tokens: [tokenAuth({ keySet })] })]);
  assert.deepEqual([await one.subject(FIRST.token()), await one.subject(SECOND.token())], ["alice", "invalid"]);
  assert.equal(one.fetches, 0);
});

test("what two providers say alike is verified once", async () => {
  const [a, b] = [tokenAuth({ policy: "default/a" }), tokenAuth({ policy: "default/b" })];
  const one = new Stage([callerAuth({ tokens: [a] }), callerAuth({ tokens: [b] })], [FIRST]);
  const { identities } = await one.identify(["authorization", `Bearer ${FIRST.token()}`]);
  assert.deepEqual(
    identities.map(({ from }) => from),
    [[a, b]],
  );
});
