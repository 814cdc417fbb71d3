import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeRateLimitConfig } from "./rate-limit-files.ts";

test("a configuration replaces the one before, and nothing else stands in the folder the service reads", async () => {
  const folder = await mkdtemp(join(tmpdir(), "aigw-limits-"));
  try {
    assert.equal(await writeRateLimitConfig(folder, "domain: a\n"), true);
    const { ino } = await stat(join(folder, "config", "aigw.yaml"));
    assert.equal(await writeRateLimitConfig(folder, "domain: a\n"), false);
    assert.equal((await stat(join(folder, "config", "aigw.yaml"))).ino, ino);
    assert.equal(await writeRateLimitConfig(folder, "domain: b\n"), true);
    assert.equal(await readFile(join(folder, "config", "aigw.yaml"), "utf8"), "domain: b\n");
    assert.deepEqual(await readdir(join(folder, "config")), ["aigw.yaml"]);
    assert.deepEqual(await readdir(folder), ["config"]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
