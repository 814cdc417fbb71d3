#!/usr/bin/env node
// Starts the bundled gateway under Node 24 or newer: this Node where it is new enough, else the one npm brought along.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import process from "node:process";
import { fileURLToPath } from "node:url";

const NODE_MAJOR_MIN = 24;
const main = fileURLToPath(new URL("./dist/main.js", import.meta.url));

if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR_MIN) {
  module.enableCompileCache?.();
  await import("./dist/main.js");
} else {
  const node = bundledNode();
  if (node === undefined) {
    process.stderr.write(
      `aigw needs Node ${NODE_MAJOR_MIN} or newer (this is ${process.version}), and npm has no Node package for ` +
        `${process.platform}-${process.arch}: install Node ${NODE_MAJOR_MIN} from nodejs.org\n`,
    );
    process.exit(1);
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(signal === null ? code : 1));
}

/** The Node binary of the platform's optional dependency, beside us or hoisted above us. */
function bundledNode() {
  const require = module.createRequire(main);
  for (const name of [`node-${process.platform}-${process.arch}`, `node-bin-${process.platform}-${process.arch}`]) {
    try {
      const path = fileURLToPath(new URL("./bin/node", `file://${require.resolve(`${name}/package.json`)}`));
      if (existsSync(path)) return path;
    } catch {
      // Not installed for this platform: try the next name.
    }
  }
  return undefined;
}
