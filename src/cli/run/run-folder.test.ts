import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeRunFolder } from "./run-folder.ts";

const HEX = "0123456789ab";
const LONG_AGO = new Date(Date.now() - 120_000);

let parent = "";
/** A number that no process has any more. */
let gone = 0;
before(() => {
  parent = mkdtempSync(join(tmpdir(), "aigw-folders-"));
  gone = spawnSync(process.execPath, ["--version"]).pid;
});
after(() => rmSync(parent, { recursive: true }));

/** Makes a folder as a run leaves it. */
function leave(name: string, since = LONG_AGO): string {
  const folder = join(parent, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "bootstrap.json"), "{}");
  utimesSync(folder, since, since);
  return folder;
}

/** Leaves a socket that nobody listens on, as a killed process does. */
function abandonSocket(path: string): void {
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`;
  spawnSync(process.execPath, ["-e", script]);
  assert.ok(existsSync(path));
}

test("the folder of a run that was killed is removed, and everybody else's is left", async () => {
  const killed = leave(`aigw-run-${gone}-${HEX}`);
  abandonSocket(join(killed, "discovery.sock"));
  utimesSync(killed, LONG_AGO, LONG_AGO);
  const left = [
    `aigw-run-${process.pid}-${HEX}`,
    `aigw-run-${gone}-notes`,
    `other-${gone}-${HEX}`,
    "aigw-run-0-0123456789ab",
  ];
  for (const name of left) leave(name);
  const young = `aigw-run-${gone}-aaaaaaaaaaaa`;
  leave(young, new Date());
  const own = join(parent, "own");
  await makeRunFolder(own);
  assert.deepEqual(readdirSync(parent).sort(), [...left, young, "own"].sort());
});

test("a folder with a socket that is listened on is left: its process may have another number here", async (t) => {
  const folder = leave(`aigw-run-${gone}-bbbbbbbbbbbb`);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(folder, "processor-0.sock"), resolve));
  t.after(() => server.close());
  utimesSync(folder, LONG_AGO, LONG_AGO);
  await makeRunFolder(join(parent, "own-2"));
  assert.ok(existsSync(folder));
});

test("where a link leads is left", async () => {
  const elsewhere = leave("elsewhere");
  symlinkSync(elsewhere, join(parent, `aigw-run-${gone}-cccccccccccc`));
  await makeRunFolder(join(parent, "own-3"));
  assert.deepEqual(readdirSync(elsewhere), ["bootstrap.json"]);
});
