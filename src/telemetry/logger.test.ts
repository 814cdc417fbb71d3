import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../config/secret.ts";
import { createLogger, type LogFormat, type LogLevel } from "./logger.ts";

const TIME = Date.UTC(2026, 0, 2, 3, 4, 5, 6);

function loggerOf(level: LogLevel, format: LogFormat) {
  const lines: string[] = [];
  const clock = { now: TIME };
  const log = createLogger({ level, format, write: (line) => lines.push(line), now: () => clock.now });
  return { log, lines, clock };
}

test("a JSON line has time, level, message and fields", () => {
  const { log, lines } = loggerOf("info", "json");
  log.info("configuration reloaded", { version: "abc", count: 2, ok: true, nothing: null, bad: Number.NaN });
  assert.deepEqual(lines, [
    '{"time":"2026-01-02T03:04:05.006Z","level":"info","message":"configuration reloaded","version":"abc","count":2,"ok":true,"nothing":null,"bad":null}\n',
  ]);
});

test("a text line has the same for a person", () => {
  const { log, lines } = loggerOf("info", "text");
  log.warn("two\nlines", { why: 'a "b"\u001b[2J', n: 1 });
  log.error("no fields");
  assert.deepEqual(lines, [
    '2026-01-02T03:04:05.006Z WARN  two\\nlines why="a \\"b\\"\\u001b[2J" n=1\n',
    "2026-01-02T03:04:05.006Z ERROR no fields\n",
  ]);
});

test("levels below the logger's are not written", () => {
  const { log, lines } = loggerOf("warn", "text");
  log.debug("debug");
  log.info("info");
  log.warn("warn");
  log.error("error");
  assert.equal(lines.length, 2);
  assert.deepEqual(
    (["debug", "info", "warn", "error"] as const).map((level) => log.enabled(level)),
    [false, false, true, true],
  );
});

test("an error is told with its code and its causes, and without its stack", () => {
  const { log, lines } = loggerOf("info", "json");
  const refused = Object.assign(new Error("connect refused"), { code: "ECONNREFUSED" });
  log.error("failed", { cause: new TypeError("send failed", { cause: refused }) });
  const { cause } = JSON.parse(lines[0] ?? "") as { cause: string };
  assert.equal(cause, "TypeError: send failed; caused by Error: connect refused (ECONNREFUSED)");
});

test("values that print nothing of themselves do not break the line", () => {
  const { log, lines } = loggerOf("info", "json");
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  const looped = new Error("looped");
  looped.cause = looped;
  log.info("odd", { cycle, looped, undefined: undefined, symbol: Symbol("s"), big: 1n, secret: new Secret("hunter2") });
  const line = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  assert.equal(line["cycle"], "[not printable]");
  assert.equal(line["big"], "[not printable]");
  assert.equal(line["undefined"], "undefined");
  assert.equal(line["secret"], '"[REDACTED]"');
  assert.equal(lines.join("").includes("hunter2"), false);
});

for (const format of ["json", "text"] as const) {
  test(`a ${format} line is at most 4 KiB and says that it was cut`, () => {
    const { log, lines } = loggerOf("info", format);
    const fields = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`field${i}`, "\n".repeat(9000)]));
    log.info("\u0000".repeat(9000), fields);
    const [line = ""] = lines;
    assert.ok(line.length <= 4096, `${line.length}`);
    assert.match(line, /"truncated":true\}\n$| truncated=true\n$/);
  });
}

test("what repeats too often in a second is suppressed, and the next second tells how much", () => {
  const { log, lines, clock } = loggerOf("info", "json");
  for (let i = 0; i < 150; i++) log.error("again", { i });
  assert.equal(lines.length, 100);
  clock.now += 1000;
  log.info("next");
  assert.equal(lines.length, 102);
  const told = JSON.parse(lines[100] ?? "") as Record<string, unknown>;
  assert.deepEqual([told["level"], told["lines"]], ["warn", 50]);
});
