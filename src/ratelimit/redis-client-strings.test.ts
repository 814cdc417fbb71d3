import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

/** What V8 says of String.prototype after a module has been loaded. */
function hasFastStrings(module: string): string {
  const script = `await import(${JSON.stringify(module)}); console.log(%HasFastProperties(String.prototype))`;
  const node = [...process.execArgv, "--allow-natives-syntax", "--input-type=module", "--eval", script];
  return execFileSync(process.execPath, node, { encoding: "utf8" }).trim();
}

test("the client of Redis does not make the methods of strings slow", () => {
  const store = new URL("./redis-store.ts", import.meta.url).href;
  assert.equal(hasFastStrings(store), "true");
});

test("the client of Redis alone would", () => {
  assert.equal(hasFastStrings(import.meta.resolve("ioredis")), "false", "remove the remedy in redis-store.ts");
});
