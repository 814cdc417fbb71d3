import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { AdsClient, type AdsResponse } from "./ads-client.ts";
import type { SubscriptionRequest } from "./ads-subscription.ts";
import { type Snapshot, TYPE_URLS } from "./snapshot.ts";

const { clusters, endpoints, listeners, routes, secrets } = TYPE_URLS;

/** Resources by type as `name: version`. */
type Contents = Readonly<Partial<Record<keyof typeof TYPE_URLS, Readonly<Record<string, string>>>>>;

function snapshot(version: string, contents: Contents): Snapshot {
  const types = Object.entries(TYPE_URLS).map(([kind, typeUrl]) => {
    const entries = Object.entries(contents[kind as keyof Contents] ?? {});
    return [
      typeUrl,
      new Map(entries.map(([name, version]) => [name, { version, resource: create(AnySchema) }])),
    ] as const;
  });
  return { version, types: new Map(types) };
}

/** An Envoy that notes what it is told, in short: `CDS +a@1 -b`. */
class FakeEnvoy {
  readonly said: string[] = [];
  readonly refusals: string[] = [];
  readonly client: AdsClient;
  readonly #last = new Map<string, AdsResponse>();

  constructor(first: Snapshot) {
    this.client = new AdsClient(
      first,
      (response) => {
        this.#last.set(response.typeUrl, response);
        const added = response.resources.map(([name, { version }]) => ` +${name}@${version}`);
        const removed = response.removed.map((name) => ` -${name}`);
        this.said.push(SHORT[response.typeUrl] + [...added, ...removed].join(""));
      },
      ({ typeUrl, message }) => this.refusals.push(`${SHORT[typeUrl]} ${message}`),
    );
  }

  ask(typeUrl: string, request: Partial<SubscriptionRequest> = {}): void {
    this.client.take({
      typeUrl,
      resourceNamesSubscribe: [],
      resourceNamesUnsubscribe: [],
      initialResourceVersions: {},
      responseNonce: "",
      ...request,
    });
  }

  ack(...typeUrls: string[]): void {
    for (const typeUrl of typeUrls) this.ask(typeUrl, { responseNonce: this.#last.get(typeUrl)?.nonce ?? "" });
  }

  nack(typeUrl: string, message: string): void {
    this.ask(typeUrl, { responseNonce: this.#last.get(typeUrl)?.nonce ?? "", errorDetail: { message } });
  }

  /** What was said since this was last asked. */
  heard(): string[] {
    return this.said.splice(0);
  }
}

const SHORT: Readonly<Record<string, string>> = {
  [clusters]: "CDS",
  [endpoints]: "EDS",
  [listeners]: "LDS",
  [routes]: "RDS",
  [secrets]: "SDS",
};

const FIRST: Contents = { clusters: { c: "1" }, endpoints: { c: "1" }, listeners: { l: "1" }, routes: { l: "1" } };

/** An Envoy that has taken the snapshot, as it does when it starts. */
function started(contents: Contents = FIRST): FakeEnvoy {
  const envoy = new FakeEnvoy(snapshot("first", contents));
  envoy.ask(clusters);
  envoy.ask(endpoints, { resourceNamesSubscribe: Object.keys(contents.endpoints ?? {}) });
  envoy.ack(clusters, endpoints);
  envoy.ask(listeners);
  envoy.ask(routes, { resourceNamesSubscribe: Object.keys(contents.routes ?? {}) });
  envoy.ack(listeners, routes);
  return envoy;
}

test("an Envoy that starts gets everything it asks for, once", () => {
  const envoy = started();
  assert.deepEqual(envoy.heard(), ["CDS +c@1", "EDS +c@1", "LDS +l@1", "RDS +l@1"]);
  assert.ok(envoy.client.accepted);
  assert.equal(envoy.client.status().get(routes)?.acked, "first");
});

test("a snapshot is accepted only when Envoy has asked for its routes", () => {
  const envoy = new FakeEnvoy(snapshot("first", FIRST));
  envoy.ask(clusters);
  envoy.ack(clusters);
  assert.ok(!envoy.client.accepted);
  envoy.ask(listeners);
  envoy.ack(listeners);
  assert.ok(!envoy.client.accepted);
});

test("Envoy's start does not wait for resources that do not exist", () => {
  const envoy = new FakeEnvoy(snapshot("first", {}));
  envoy.ask(clusters);
  envoy.ask(endpoints, { resourceNamesSubscribe: ["none"] });
  envoy.ask("type.googleapis.com/other", { resourceNamesSubscribe: ["any"] });
  assert.deepEqual(envoy.heard(), ["CDS", "EDS -none", "undefined -any"]);
  envoy.ack(clusters, endpoints, "type.googleapis.com/other");
  assert.deepEqual(envoy.heard(), []);
});

test("what is added is made before it is used: clusters, then listeners and routes, then removals", () => {
  const envoy = started();
  envoy.heard();
  envoy.client.change(
    snapshot("second", { clusters: { d: "1" }, endpoints: { d: "1" }, listeners: { m: "1" }, routes: { l: "2" } }),
  );
  assert.deepEqual(envoy.heard(), ["CDS +d@1"]);
  envoy.ask(endpoints, { resourceNamesSubscribe: ["d"] });
  assert.deepEqual(envoy.heard(), ["EDS +d@1"]);
  envoy.ack(endpoints);
  assert.deepEqual(envoy.heard(), []);
  envoy.ack(clusters);
  assert.deepEqual(envoy.heard(), ["LDS +m@1 -l", "RDS +l@2"]);
  envoy.ack(listeners);
  assert.deepEqual(envoy.heard(), []);
  assert.ok(!envoy.client.accepted);
  envoy.ack(routes);
  assert.deepEqual(envoy.heard(), ["CDS -c", "EDS -c"]);
  envoy.ack(clusters, endpoints);
  assert.deepEqual(envoy.heard(), []);
  assert.ok(envoy.client.accepted);
});

test("only what changed is sent", () => {
  const envoy = started();
  envoy.heard();
  envoy.client.change(snapshot("second", { ...FIRST, routes: { l: "2" } }));
  assert.deepEqual(envoy.heard(), ["RDS +l@2"]);
  envoy.client.change(snapshot("second", { ...FIRST, routes: { l: "2" } }));
  assert.deepEqual(envoy.heard(), []);
});

test("a cluster that changes gets its endpoints again", () => {
  const envoy = started({ ...FIRST, clusters: { c: "1", d: "1" }, endpoints: { c: "1", d: "1" } });
  envoy.heard();
  envoy.client.change(snapshot("second", { ...FIRST, clusters: { c: "2", d: "1" }, endpoints: { c: "1", d: "1" } }));
  assert.deepEqual(envoy.heard(), ["CDS +c@2", "EDS +c@1"]);
});

test("routes do not wait for ever for clusters that do not warm", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const envoy = started();
    envoy.heard();
    envoy.client.change(snapshot("second", { ...FIRST, clusters: { c: "1", slow: "1" }, routes: { l: "2" } }));
    assert.deepEqual(envoy.heard(), ["CDS +slow@1"]);
    mock.timers.tick(10_000);
    assert.deepEqual(envoy.heard(), ["RDS +l@2"]);
  } finally {
    mock.timers.reset();
  }
});

test("what Envoy refuses is told, stops the change, and is not sent again", () => {
  const envoy = started();
  envoy.heard();
  envoy.client.change(snapshot("bad", { ...FIRST, clusters: { c: "bad" }, routes: { l: "2" } }));
  assert.deepEqual(envoy.heard(), ["CDS +c@bad", "EDS +c@1"]);
  envoy.ack(endpoints);
  envoy.nack(clusters, "no such field");
  assert.deepEqual(envoy.refusals, ["CDS no such field"]);
  assert.deepEqual(envoy.heard(), []);
  assert.ok(!envoy.client.accepted);
  assert.deepEqual(envoy.client.status().get(clusters), {
    acked: "first",
    refusal: { typeUrl: clusters, version: "bad", message: "no such field" },
  });
  envoy.client.change(snapshot("good", { ...FIRST, clusters: { c: "2" } }));
  assert.deepEqual(envoy.heard(), ["CDS +c@2", "EDS +c@1"]);
  envoy.ack(clusters, endpoints);
  assert.ok(envoy.client.accepted);
});

test("a change that is taken back after a refusal is taken back in Envoy too", () => {
  const envoy = started();
  envoy.client.change(snapshot("bad", { ...FIRST, clusters: { c: "1", d: "1" }, listeners: { l: "bad" } }));
  envoy.ack(clusters);
  envoy.nack(listeners, "cannot bind");
  envoy.heard();
  envoy.client.change(snapshot("first", FIRST));
  assert.deepEqual(envoy.heard(), ["LDS +l@1"]);
  envoy.ack(listeners);
  assert.deepEqual(envoy.heard(), ["CDS -d"]);
  envoy.ack(clusters);
  assert.ok(envoy.client.accepted);
});

test("an Envoy that connects again gets what has changed since, and is told what is gone", () => {
  const envoy = new FakeEnvoy(snapshot("second", { ...FIRST, clusters: { c: "1", d: "2" } }));
  envoy.ask(clusters, { initialResourceVersions: { c: "1", d: "1", gone: "1" } });
  assert.deepEqual(envoy.heard(), ["CDS +d@2"]);
  envoy.ask(endpoints, { resourceNamesSubscribe: ["c", "gone"], initialResourceVersions: { c: "1", gone: "1" } });
  envoy.ack(clusters);
  assert.deepEqual(envoy.heard(), ["CDS -gone", "EDS -gone"]);
  envoy.ack(clusters, endpoints);
  assert.deepEqual(envoy.heard(), []);
});

const SUBSCRIPTIONS: readonly {
  readonly name: string;
  readonly first: Partial<SubscriptionRequest>;
  readonly next: Partial<SubscriptionRequest>;
  readonly want: readonly string[];
}[] = [
  {
    name: "a further name is answered",
    first: { resourceNamesSubscribe: ["a"] },
    next: { resourceNamesSubscribe: ["b"] },
    want: ["SDS +b@1"],
  },
  {
    name: "a name that is asked for again is sent again",
    first: { resourceNamesSubscribe: ["a"] },
    next: { resourceNamesSubscribe: ["a"] },
    want: ["SDS +a@1"],
  },
  {
    name: "* asks for all others",
    first: { resourceNamesSubscribe: ["a"] },
    next: { resourceNamesSubscribe: ["*"] },
    want: ["SDS +b@1"],
  },
  { name: "* may come with the first request", first: { resourceNamesSubscribe: ["*"] }, next: {}, want: [] },
  {
    name: "what is not wanted any more is not sent when it changes",
    first: { resourceNamesSubscribe: ["a", "b"] },
    next: { resourceNamesUnsubscribe: ["a", "b"] },
    want: [],
  },
];

for (const { name, first, next, want } of SUBSCRIPTIONS) {
  test(`subscriptions: ${name}`, () => {
    const envoy = new FakeEnvoy(snapshot("first", { secrets: { a: "1", b: "1" } }));
    envoy.ask(secrets, first);
    envoy.heard();
    envoy.ask(secrets, next);
    assert.deepEqual(envoy.heard(), want);
  });
}

test("changes reach the names that are subscribed to, and only those", () => {
  const envoy = new FakeEnvoy(snapshot("first", { secrets: { a: "1", b: "1" } }));
  envoy.ask(secrets, { resourceNamesSubscribe: ["*", "a"] });
  envoy.ask(secrets, { resourceNamesUnsubscribe: ["*"] });
  envoy.ack(secrets);
  envoy.heard();
  envoy.client.change(snapshot("second", { secrets: { a: "2", b: "2" } }));
  assert.deepEqual(envoy.heard(), ["SDS +a@2"]);
  envoy.ask(secrets, { resourceNamesUnsubscribe: ["a"] });
  envoy.client.change(snapshot("third", { secrets: { a: "3", b: "3" } }));
  assert.deepEqual(envoy.heard(), []);
});

test("a secret that changes is not held up by clusters", () => {
  const envoy = started({ ...FIRST, secrets: { s: "1" } });
  envoy.ask(secrets, { resourceNamesSubscribe: ["s"] });
  envoy.ack(secrets);
  envoy.heard();
  envoy.client.change(snapshot("second", { ...FIRST, clusters: { c: "2" }, secrets: { s: "2" } }));
  assert.deepEqual(envoy.heard(), ["CDS +c@2", "EDS +c@1", "SDS +s@2"]);
});

test("an answer to a response that was never sent changes nothing", () => {
  const envoy = started();
  envoy.ask(clusters, { responseNonce: "other", errorDetail: { message: "late" } });
  assert.deepEqual(envoy.refusals, []);
  assert.ok(envoy.client.accepted);
});
