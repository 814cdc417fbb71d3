import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { test } from "node:test";
import { type EnvoyLine, parseLine, readLines } from "./envoy-process-log.ts";

const LINES: readonly { readonly name: string; readonly in: string; readonly want: EnvoyLine }[] = [
  {
    name: "a warning",
    in: "[warning][config] gRPC config stream closed",
    want: { level: "warn", logger: "config", text: "gRPC config stream closed" },
  },
  {
    name: "a crash",
    in: "[critical][backtrace] Caught",
    want: { level: "error", logger: "backtrace", text: "Caught" },
  },
  { name: "chatter", in: "[info][main] all ready", want: { level: "debug", logger: "main", text: "all ready" } },
  {
    name: "what is in no format",
    in: "assert failure",
    want: { level: "warn", logger: undefined, text: "assert failure" },
  },
];

for (const { name, in: line, want } of LINES) {
  test(`${name} is understood`, () => assert.deepEqual(parseLine(line), want));
}

test("lines are whole however they come, and the last one needs no end", async () => {
  const said: string[] = [];
  const stream = Readable.from(["[error][main] o", "ne\n[error][main] two\n\nthr", "ee"]);
  readLines(stream, ({ text }) => said.push(text));
  await finished(stream);
  assert.deepEqual(said, ["one", "two", "three"]);
});
