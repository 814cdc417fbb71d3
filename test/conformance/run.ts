/** Registers every group of cases as tests of one host. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { RecordedRequest } from "../../src/simulate/recorder.ts";
import { type Simulator, startSimulator } from "../../src/simulate/simulator.ts";
import { type Issuers, startIssuers } from "../token-servers/issuers.ts";
import { type Case, type Group, UPSTREAM_PORT, type WantUpstream } from "./case.ts";
import { checkFields, checkText, sumSeries } from "./check.ts";
import { type Seen, send, sendRaw } from "./client.ts";
import { AWS_KEYS } from "./configs.ts";
import type { Difference, Host, LogLine, RunningHost } from "./host.ts";

const AT_ONCE = 8;
const STARTS_AT_ONCE = 2;

/** A gateway, the provider behind it, and how many requests it was sent. */
interface Stage {
  readonly gateway: RunningHost;
  readonly simulator: Simulator;
  requests: number;
}

/** Runs all cases; those that share a configuration share a gateway. */
export function runConformance(host: Host, groups: readonly Group[]): void {
  const stages = new Map<string, Promise<Stage>>();
  const starting: Promise<unknown>[] = [];
  const [, temporaryKeys] = AWS_KEYS;
  const issuers = startIssuers(temporaryKeys);
  const stageOf = (group: Group, { config }: Case): Promise<Stage> => {
    const key = `${group.oneByOne ? group.name : ""}\n${config}`;
    let stage = stages.get(key);
    if (stage === undefined) {
      const turn = starting.at(-STARTS_AT_ONCE) ?? Promise.resolve();
      stage = turn.then(async () => start(host, config, await issuers));
      starting.push(stage.catch(() => undefined));
      stages.set(key, stage);
    }
    return stage;
  };

  const differences = new Differences(host.differences);
  describe(`${host.name} host`, { concurrency: 2 }, () => {
    for (const group of groups) {
      describe(group.name, { concurrency: group.oneByOne ? 1 : AT_ONCE }, () => {
        for (const one of group.cases) {
          const { want } = differences.take(`${group.name}: ${one.name}`) ?? one;
          test(one.name, async () => play({ ...one, want }, await stageOf(group, one)));
        }
      });
    }
    test("every difference is of a case", () => assert.deepEqual(differences.left, []));
    after(async () => {
      const started = await Promise.allSettled(stages.values());
      // All are ended before the first fault is told: one that is left running would keep the tests from ending.
      const ends = await Promise.allSettled(
        started.map((stage) => stage.status === "fulfilled" && finish(stage.value)),
      );
      await (await issuers).servers.stop();
      for (const end of ends) if (end.status === "rejected") throw end.reason;
    });
  });
}

/** The differences of a host, each to be taken by its case. */
class Differences {
  readonly #left: Map<string, Difference>;

  constructor(differences: ReadonlyMap<string, Difference>) {
    this.#left = new Map(differences);
  }

  get left(): string[] {
    return [...this.#left.keys()];
  }

  take(name: string): Difference | undefined {
    const difference = this.#left.get(name);
    this.#left.delete(name);
    return difference;
  }
}

async function start(host: Host, config: string, issuers: Issuers): Promise<Stage> {
  const simulator = await startSimulator({ port: 0, record: 10_000, awsKeys: AWS_KEYS });
  const placed = issuers.place(config.replaceAll(UPSTREAM_PORT, String(simulator.port)));
  const gateway = await host.start(placed, issuers.env);
  return { gateway, simulator, requests: 0 };
}

/** No request may have had two lines, none may be missing, and the gateway must still be able to end well. */
async function finish({ gateway, simulator, requests }: Stage): Promise<void> {
  const code = await gateway.stop();
  await simulator.close();
  assert.equal(gateway.logs().length, requests, "one access-log line for each request");
  assert.equal(code, 0, "exit code of the gateway");
}

let serial = 0;

async function play({ request, want }: Case, stage: Stage): Promise<void> {
  const { gateway, simulator } = stage;
  const id = `case-${++serial}`;
  const asked = (): RecordedRequest | undefined => simulator.requests.find((one) => one.headers["x-request-id"] === id);
  const before = want.metrics && (await scrape(gateway));
  const askedBefore = simulator.requests.length;
  const linesBefore = gateway.logs().length;
  stage.requests += 1;
  const isRaw = "raw" in request;
  const seen = isRaw
    ? await sendRaw(gateway.url, request.raw)
    : await send(gateway.url, request, id, () => until(() => asked() !== undefined));
  // A request that is too broken to carry an id is alone on its gateway: its line is the next one.
  const isMine = (line: LogLine): boolean => (isRaw ? gateway.logs().length > linesBefore : line["request_id"] === id);
  const line = await gateway.log(isMine);
  checkAnswer(seen, want);
  if (want.upstream !== undefined) {
    const upstream = isRaw ? simulator.requests[askedBefore] : asked();
    if (want.upstream === null) assert.equal(upstream, undefined, "the provider must not be asked");
    else await checkUpstream(upstream, want.upstream);
  }
  if (isRaw) assert.equal(gateway.logs().length, linesBefore + 1, "one access-log line");
  checkFields("access log", (isRaw ? gateway.logs()[linesBefore] : line) ?? {}, want.log ?? {});
  if (before === undefined || want.metrics === undefined) return;
  const now = await scrape(gateway);
  for (const [selector, growth] of Object.entries(want.metrics)) {
    assert.equal(sumSeries(now, selector) - sumSeries(before, selector), growth, `growth of ${selector} in\n${now}`);
  }
}

function checkAnswer(seen: Seen, want: Case["want"]): void {
  if (want.status !== undefined) {
    assert.equal(seen.status, want.status, `status of ${JSON.stringify(seen)}`);
    assert.equal(seen.whole, true, "the answer's transport ended well");
  }
  if (want.isCut) assert.ok(!seen.whole || seen.status >= 500, `a cut answer, not ${JSON.stringify(seen)}`);
  checkFields("header", seen.headers, want.headers ?? {});
  if (want.body !== undefined) checkText("body", seen.body, want.body);
}

async function checkUpstream(seen: RecordedRequest | undefined, want: WantUpstream): Promise<void> {
  assert.ok(seen, "the provider was asked");
  if (want.path !== undefined) assert.equal(seen.path, want.path);
  checkFields("header at the provider", seen.headers, want.headers ?? {});
  if (want.body !== undefined) checkText("body at the provider", seen.body.toString(), want.body);
  if (want.aborted === undefined) return;
  await seen.ended;
  assert.equal(seen.aborted, want.aborted, "aborted");
}

async function scrape(gateway: RunningHost): Promise<string> {
  return (await fetch(`${gateway.adminUrl}/metrics`)).text();
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
