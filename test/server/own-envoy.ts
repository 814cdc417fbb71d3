/** `aigw extproc` beside an Envoy that somebody else runs with what `aigw envoy-config` prints. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installEnvoy } from "../install-envoy.ts";
import { eventually } from "./envoy-tools.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const ENV = { PATH: process.env["PATH"] };

/** A running processor. */
export interface Processor {
  readonly child: ChildProcess;
  /** What it says about where it listens, e.g. `127.0.0.1:40001 (mutual TLS)`. */
  readonly where: string;
  readonly stderr: () => string;
}

/** Where an Envoy listens. */
export interface RunningEnvoy {
  readonly url: string;
  readonly adminUrl: string;
}

/** Processes that share a configuration and a folder of their own. */
export class OwnEnvoy {
  readonly folder = mkdtempSync(join(tmpdir(), "aigw-own-"));
  readonly #config = join(this.folder, "config.yaml");
  readonly #started: ChildProcess[] = [];

  constructor(config: string) {
    writeFileSync(this.#config, config);
  }

  /** Starts `aigw extproc`; resolves when it serves. */
  async startProcessor(listen: string, args: readonly string[] = []): Promise<Processor> {
    const where = ["--listen", listen, "--admin-port", "0", "--workers", "1", "--access-log", "none"];
    const child = spawn(process.execPath, [MAIN, "extproc", this.#config, ...where, ...args], {
      // It is killed, and then cannot remove the folder of its run.
      env: { ...ENV, AIGW_RUNTIME_DIR: this.folder },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#started.push(child);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const said = await eventually("the processor", () => {
      assert.equal(child.exitCode, null, stderr);
      return /external processor listening on (.+)\n[\s\S]*admin on/.exec(stderr)?.[1];
    });
    return { child, where: said, stderr: () => stderr };
  }

  /** What `aigw envoy-config` prints for an Envoy on this machine. */
  envoyConfig(args: readonly string[]): string {
    const ports = ["--address", "127.0.0.1", "--port", "0", "--admin-port", "0"];
    const command = [MAIN, "envoy-config", this.#config, ...ports, ...args];
    return execFileSync(process.execPath, command, { env: ENV, stdio: ["ignore", "pipe", "ignore"], encoding: "utf8" });
  }

  /** Rejects with what Envoy has against a configuration. */
  async validate(config: string): Promise<void> {
    const file = this.#written(config);
    const args = ["--mode", "validate", "--log-level", "warning", "--use-dynamic-base-id", "--config-path", file];
    execFileSync(await installEnvoy(), args, { env: ENV, stdio: ["ignore", "ignore", "pipe"] });
  }

  /** Starts an Envoy. */
  async startEnvoy(config: string): Promise<RunningEnvoy> {
    const file = this.#written(config);
    const admin = `${file}.admin`;
    const flags = ["--admin-address-path", admin, "--concurrency", "1", "--disable-hot-restart", "--log-level", "off"];
    const envoy = spawn(await installEnvoy(), ["-c", file, ...flags], { env: ENV, stdio: "ignore" });
    this.#started.push(envoy);
    return await eventually("Envoy's listener", async () => {
      assert.equal(envoy.exitCode, null);
      if (!existsSync(admin) || readFileSync(admin, "utf8") === "") return undefined;
      try {
        const adminUrl = `http://${readFileSync(admin, "utf8")}`;
        const address = /::(127\.0\.0\.1:\d+)/.exec(await (await fetch(`${adminUrl}/listeners`)).text())?.[1];
        return address === undefined ? undefined : { url: `http://${address}`, adminUrl };
      } catch {
        // Its admin page is not there yet.
        return undefined;
      }
    });
  }

  /** Ends all of it. */
  stop(): void {
    for (const child of this.#started) child.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  #written(config: string): string {
    const file = join(this.folder, `envoy-${this.#started.length}.yaml`);
    writeFileSync(file, config);
    return file;
  }
}
