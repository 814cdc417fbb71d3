// Makes a fresh clone ready, then runs one of the project's scripts. Plain JavaScript that any Node from 20 on runs; the
// scripts themselves run under Node 24, which npm brings where the machine's own is older.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const binaries = join(root, "node_modules", ".bin");
const env = { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH ?? ""}` };

const [task, ...args] = process.argv.slice(2);
if (task === undefined) {
  fail("usage: node setup.mjs start [ARG…] | node setup.mjs SCRIPT [ARG…]   (SCRIPT: a script of package.json)");
}
install();
if (task === "start") {
  build();
  const bundled = join(binaries, "node");
  run(existsSync(bundled) ? bundled : process.execPath, [join(root, "aigw.js"), ...(args.length > 0 ? args : ["run"])]);
} else {
  run("npm", ["run", "--silent", task, "--", ...args]);
}

/** Installs the locked dependencies unless exactly these are there already. */
function install() {
  const stamp = join(root, "node_modules", ".setup-stamp");
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  step("installing dependencies (once)");
  // The machine's Node may be older than `engines` asks for: that is what the bundled one is for.
  must("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  writeFileSync(stamp, wanted);
}

/** Bundles the gateway unless the bundle is newer than every source. */
function build() {
  const bundle = join(root, "dist", "main.js");
  const built = existsSync(bundle) ? statSync(bundle).mtimeMs : 0;
  if (built > newest(join(root, "src")) && built > newest(join(root, "package-lock.json"))) return;
  step("building (once per change)");
  must("npm", ["run", "--silent", "build"]);
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), stat.mtimeMs);
}

function must(command, commandArgs) {
  const { status, error } = spawnSync(command, commandArgs, { cwd: root, env, stdio: ["ignore", 2, 2] });
  if (error) fail(`cannot run ${command}: ${error.message}`);
  if (status !== 0) fail(`\`${command} ${commandArgs.join(" ")}\` failed (exit code ${status})`);
}

/** Runs a command in the caller's folder and ends as it ends. */
function run(command, commandArgs) {
  const child = spawn(command, commandArgs, { cwd: command === "npm" ? root : process.cwd(), env, stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`cannot run ${command}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(signal === null ? code : 1));
}

function step(what) {
  process.stderr.write(`aigw: ${what} …\n`);
}

function fail(why) {
  process.stderr.write(`aigw: ${why}\n`);
  process.exit(1);
}
