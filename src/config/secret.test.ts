import assert from "node:assert/strict";
import { test } from "node:test";
import { format, inspect } from "node:util";
import { Secret } from "./secret.ts";

test("a secret shows itself only when asked by name", () => {
  const secret = new Secret("sk-canary");
  const shown = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ deep: { secret } }, { showHidden: true, depth: 9 }),
    format("%s %o %O %j", secret, secret, secret, secret),
    Object.values(secret).join(),
  ].join("\n");
  assert.equal(shown.includes("sk-canary"), false);
  assert.equal(secret.reveal(), "sk-canary");
});
