import assert from "node:assert/strict";
import { test } from "node:test";
import type { Attempt } from "../exchange/attempt.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { HeaderMap } from "../wire/headers.ts";
import { attemptEdits, callerEdits, headerValue, routingEdits } from "./request-edits.ts";

/** An attempt, as far as the edits look at it. */
function attempt(path: string, headers: string[], body = ""): Attempt {
  return { path, headers: new HeaderMap(headers), body: Buffer.from(body) } as unknown as Attempt;
}

interface Edited {
  readonly name: string;
  readonly seen: string[];
  readonly in: Attempt;
  readonly replaced?: boolean;
  readonly set: string[];
  readonly remove: string[];
}

const CASES: readonly Edited[] = [
  {
    name: "the same request needs no edit",
    seen: [":path", "/a", "b", "1"],
    in: attempt("/a", ["b", "1"]),
    set: [],
    remove: [],
  },
  {
    name: "another path is set",
    seen: [":path", "/a?key=1", "b", "1"],
    in: attempt("/a", ["b", "1"]),
    set: [":path", "/a"],
    remove: [],
  },
  {
    name: "a body that is replaced brings its length in bytes",
    seen: [":path", "/a", "content-length", "9"],
    in: attempt("/a", [], "é"),
    replaced: true,
    set: ["content-length", "2"],
    remove: [],
  },
  {
    name: "a body that stays keeps its length",
    seen: [":path", "/a", "content-length", "9"],
    in: attempt("/a", [], "other"),
    set: [],
    remove: [],
  },
  {
    name: "a credential is set anew and the caller's removed",
    seen: [":path", "/a", "authorization", "caller", "x-api-key", "caller"],
    in: attempt("/a", ["authorization", "ours"]),
    set: ["authorization", "ours"],
    remove: ["x-api-key"],
  },
];

for (const { name, seen, in: given, replaced = false, set, remove } of CASES) {
  test(name, () => assert.deepEqual(attemptEdits(seen, given, replaced), { set, remove }));
}

test("the first value of a header counts, and none is empty", () => {
  const flat = ["a", "b", "b", "1", "b", "2"];
  assert.equal(headerValue(flat, "b"), "1");
  assert.equal(headerValue(flat, "1"), "");
});

test("Envoy's later filters see who calls, and not what a caller says of itself", () => {
  const seen = [":path", "/a", "x-user", "forged", "x-org", "forged", "x-own", "1"];
  const exchange = {
    ...{ listener: "http", headers: new HeaderMap(["x-user", "alice", "x-own", "1"]) },
    plan: { port: () => ({ callers: { ownHeaders: ["x-user", "x-org", "x-team"] } }) },
  } as unknown as Exchange;
  assert.deepEqual(callerEdits(seen, exchange), { set: ["x-user", "alice"], remove: ["x-org"] });
});

test("a credential in the query is not told on", () => {
  const exchange = {
    ...{ target: "/v1/models?key=secret&alt=sse", match: undefined, parsed: undefined },
    plan: { credentialParams: new Set(["key"]) },
  } as unknown as Exchange;
  const edits = routingEdits(exchange);
  assert.equal(headerValue(edits, "x-envoy-original-path"), "/v1/models?alt=sse");
  assert.equal(edits.join().includes("secret"), false);
});
