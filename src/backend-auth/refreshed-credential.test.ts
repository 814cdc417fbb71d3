import assert from "node:assert/strict";
import { test } from "node:test";
import type { Issued } from "./credential-source.ts";
import { EXCHANGE_MS_MAX, RefreshedCredential } from "./refreshed-credential.ts";
import { settled, TestWorld } from "./test-context.ts";

const HOUR_MS = 3_600_000;

/** A credential whose exchanges the test answers one by one. */
function kept(world = new TestWorld()) {
  const asked: PromiseWithResolvers<Issued<string>>[] = [];
  const signals: AbortSignal[] = [];
  const source = (signal: AbortSignal) => {
    signals.push(signal);
    const one = Promise.withResolvers<Issued<string>>();
    asked.push(one);
    return one.promise;
  };
  const { context, startTimer } = world;
  const credential = new RefreshedCredential(source, { policy: "default/p", context, startTimer });
  const issue = async (token: string, lifeMs: number): Promise<void> => {
    asked.at(-1)?.resolve({ credential: token, expiresAtMs: world.now + lifeMs });
    await settled();
  };
  const refuse = async (message: string): Promise<void> => {
    asked.at(-1)?.reject(new Error(message));
    await settled();
  };
  return { world, credential, asked, signals, issue, refuse };
}

const FAILURE = (reason: string) => ({
  code: "credentials_unavailable",
  httpStatus: 500,
  message: `the credentials of BackendSecurityPolicy default/p cannot be had: ${reason}`,
});

test("a thousand first requests make one exchange", async () => {
  const { credential, asked, issue } = kept();
  const waiting = Array.from({ length: 1000 }, () => credential.ready());
  assert.equal(asked.length, 1);
  await issue("t1", HOUR_MS);
  await Promise.all(waiting);
  assert.equal(credential.take(), "t1");
});

test("a credential is renewed in the background five minutes and a little before it ends", async () => {
  const { world, credential, asked, issue } = kept();
  credential.warmUp();
  await issue("t1", HOUR_MS);
  assert.deepEqual(world.waits, [600_000]);
  await world.pass(HOUR_MS - 331_000);
  assert.equal(asked.length, 1);
  await world.pass(2_000);
  assert.equal(asked.length, 2);
  assert.equal(credential.take(), "t1");
  await issue("t2", HOUR_MS);
  assert.equal(credential.take(), "t2");
});

test("chance spreads renewals", async () => {
  const waits = await Promise.all(
    [0, 1].map(async (random) => {
      const { world, credential, issue } = kept();
      world.random = random;
      credential.warmUp();
      await issue("t", 800_000);
      return world.waits;
    }),
  );
  // A third of its life would be 266,667 ms before its end.
  assert.deepEqual(waits.flat().map(Math.round), [533_333, 480_000]);
});

test("a credential that ends soon is renewed after about two thirds of its life", async () => {
  const { world, credential, asked, issue } = kept();
  credential.warmUp();
  await issue("t1", 60_000);
  await world.pass(37_000);
  assert.equal(asked.length, 1);
  await world.pass(2_000);
  assert.equal(asked.length, 2);
});

test("a credential without an end is not renewed", async () => {
  const { world, credential, issue } = kept();
  credential.warmUp();
  await issue("t1", Number.POSITIVE_INFINITY);
  assert.deepEqual(world.waits, []);
  assert.equal(credential.state.expiresAtMs, Number.POSITIVE_INFINITY);
});

test("when a renewal fails the old credential serves, and the next try comes a minute later", async () => {
  const { world, credential, asked, issue, refuse } = kept();
  credential.warmUp();
  await issue("t1", HOUR_MS);
  await world.pass(HOUR_MS - 329_000);
  await refuse("login.example answered 503");
  assert.equal(credential.take(), "t1");
  assert.equal(credential.state.ok, true);
  assert.match(credential.state.failure, /login\.example answered 503/);
  assert.match(world.lines.join(), /cannot be renewed; the old ones serve.*default\/p.*login\.example answered 503/);
  await world.pass(59_000);
  assert.equal(asked.length, 2);
  await world.pass(2_000);
  assert.equal(asked.length, 3);
  await issue("t2", HOUR_MS);
  assert.equal(credential.take(), "t2");
  assert.equal(credential.state.failure, "");
});

test("a credential that is about to end is tried for more often, and is not served after its end", async () => {
  const { world, credential, asked, issue, refuse } = kept();
  credential.warmUp();
  await issue("t1", 60_000);
  await world.pass(39_000);
  await refuse("down");
  await world.pass(11_000);
  assert.equal(asked.length, 3);
  await refuse("down");
  await world.pass(10_500);
  assert.throws(() => credential.take(), FAILURE("down"));
  assert.equal(credential.current(), undefined);
});

test("a failing first exchange fails all who wait, and then everyone at once, for a pause that grows", async () => {
  const { world, credential, asked, refuse } = kept();
  const waiting = [credential.ready(), credential.ready()];
  const outcomes = Promise.allSettled(waiting);
  await refuse("login.example answered 401 invalid_client");
  for (const outcome of await outcomes) assert.equal(outcome.status, "rejected");
  await assert.rejects(credential.ready(), FAILURE("login.example answered 401 invalid_client"));
  assert.equal(asked.length, 1);
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    const [wait = 0] = world.waits;
    pauses.push(wait);
    await world.pass(wait);
    await refuse("no");
  }
  assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  assert.equal(credential.state.failed, 9);
});

test("after the pause a request does not wait for the timer", async () => {
  const { world, credential, asked, issue, refuse } = kept();
  credential.warmUp();
  await refuse("no");
  world.now += 1_500;
  const ready = credential.ready();
  assert.equal(asked.length, 2);
  await issue("t1", HOUR_MS);
  await ready;
  assert.equal(credential.take(), "t1");
  assert.match(world.lines.at(-1) ?? "", /can be had again/);
});

test("an exchange that takes too long is broken off, also where nobody listens to that", async () => {
  const { world, credential, signals } = kept();
  const ready = assert.rejects(credential.ready(), FAILURE("no answer within 10 s"));
  await world.pass(EXCHANGE_MS_MAX);
  await ready;
  assert.equal(signals[0]?.aborted, true);
});

const BAD = [
  { name: "has ended", lifeMs: -1 },
  { name: "ends at no time", lifeMs: Number.NaN },
];
for (const { name, lifeMs } of BAD) {
  test(`a credential that ${name} when it comes is none`, async () => {
    const { credential, issue } = kept();
    const ready = assert.rejects(credential.ready(), FAILURE("the credential issued has already expired"));
    await issue("t1", lifeMs);
    await ready;
  });
}

test("a long answer does not become a long message, and a thrown object none at all", async () => {
  const { credential, asked, refuse } = kept();
  const ready = assert.rejects(credential.ready(), ({ message }: Error) => message.length < 500);
  await refuse(`<html>\n${"x".repeat(5000)}`);
  await ready;
  const other = kept();
  const told = assert.rejects(other.credential.ready(), FAILURE("unknown reason"));
  other.asked[0]?.reject({ token: "canary" });
  await told;
  assert.equal(asked.length, 1);
});

test("what is retired is renewed no more, and serves those who still ask", async () => {
  const { world, credential, issue } = kept();
  const ready = credential.ready();
  credential.retire();
  await issue("t1", HOUR_MS);
  await ready;
  assert.equal(credential.take(), "t1");
  assert.deepEqual(world.waits, []);
});

test("closing breaks off an exchange and says nothing", async () => {
  const { world, credential, signals } = kept();
  const ready = assert.rejects(credential.ready(), FAILURE("the gateway is shutting down"));
  credential.close();
  await ready;
  assert.equal(signals[0]?.aborted, true);
  assert.deepEqual(world.lines, []);
  assert.deepEqual(world.waits, []);
});
