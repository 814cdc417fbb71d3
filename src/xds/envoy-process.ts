/** One Envoy as a child process: started, watched, started again when it ends, and stopped without losing requests. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "../telemetry/logger.ts";
import { EnvoyAdmin } from "./envoy-process-admin.ts";
import { DEBUG_OPTIONS, type EnvoyLine, LOG_OPTIONS, readLines } from "./envoy-process-log.ts";

/** How often Envoy is asked while something is waited for. */
const POLL_MS = 20;
/** Longest start: Envoy itself waits up to 15 s for each part of its first configuration. */
const START_MS = 60_000;
/** Wait before an Envoy that ended is replaced: doubled each time, from the first to the second. */
const RESTART_MS = { least: 200, most: 10_000 } as const;
/** One that has lived this long begins anew with the shortest wait. */
const STABLE_MS = 60_000;
/** How long Envoy may take to end when it has nothing left to do. */
const END_MS = 5_000;

/** What a process is made of. */
export interface EnvoyProcessOptions {
  /** Path of the program. */
  readonly binary: string;
  /** An existing folder, of this Envoy alone. */
  readonly folder: string;
  /** Its bootstrap configuration as JSON; the admin port is on loopback. */
  readonly bootstrap: string;
  /** Worker threads. */
  readonly concurrency: number;
  /** How long connections of a listener that is removed or replaced may go on, in seconds. */
  readonly drainSeconds: number;
  readonly debug: boolean;
  readonly log: Logger;
}

/** Keeps an Envoy running. */
export class EnvoyProcess {
  readonly #options: EnvoyProcessOptions;
  #child: ChildProcess | undefined;
  #admin: EnvoyAdmin | undefined;
  /** The last one that has ended and whose last words are read. */
  #closed: ChildProcess | undefined;
  /** Why it said it ended. */
  #lastError = "";
  #live = false;
  #stopping = false;
  #restart: NodeJS.Timeout | undefined;
  #restarts = 0;
  #restartMs: number = RESTART_MS.least;

  constructor(options: EnvoyProcessOptions) {
    this.#options = options;
  }

  /** Whether it serves at this moment. */
  get live(): boolean {
    return this.#live;
  }

  /** How often it has been started again. */
  get restarts(): number {
    return this.#restarts;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Changes with a restart. */
  get adminUrl(): string | undefined {
    return this.#admin?.url;
  }

  /**
   * Starts it.
   *
   * @param listeners Names of the listeners that must take connections.
   * @returns Their ports by name.
   * @throws Error when it ends before or does not get that far.
   */
  async start(listeners: Iterable<string>): Promise<ReadonlyMap<string, number>> {
    writeFileSync(join(this.#options.folder, "bootstrap.json"), this.#options.bootstrap, { mode: 0o600 });
    return await this.#awaitLive(this.#spawn(), [...listeners]);
  }

  /** How often its worker threads have added a listener, all threads together; undefined while it does not serve. */
  async listenersAdded(): Promise<number | undefined> {
    return this.#live ? await this.#admin?.listenersAdded() : undefined;
  }

  /** Takes no further connections and lets requests under way finish, for at most `drainMs`. */
  async drain(drainMs: number): Promise<void> {
    const admin = this.#admin;
    if (admin === undefined || !this.#live) return;
    const deadline = performance.now() + drainMs;
    try {
      await admin.drainListeners();
      while (this.#live && performance.now() < deadline && (await admin.isBusy())) await pause(POLL_MS);
    } catch (error) {
      this.#options.log.warn("Envoy cannot be drained", { error });
    }
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined || hasEnded(child)) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    await ended;
    clearTimeout(killer);
  }

  #spawn(): ChildProcess {
    const { binary, folder, concurrency, drainSeconds, debug } = this.#options;
    const addressFile = this.#addressFile;
    rmSync(addressFile, { force: true });
    this.#admin = undefined;
    const child = spawn(
      binary,
      [
        ...["--config-path", join(folder, "bootstrap.json"), "--admin-address-path", addressFile],
        ...["--concurrency", String(concurrency), "--disable-hot-restart"],
        ...["--drain-time-s", String(drainSeconds), "--drain-strategy", "immediate"],
        ...["--log-level", "warning", ...LOG_OPTIONS, ...(debug ? DEBUG_OPTIONS : [])],
      ],
      {
        // In a group of its own: Ctrl-C is ours to handle. None of our environment: it holds keys that Envoy has no use for.
        detached: true,
        env: { PATH: process.env["PATH"] },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) if (stream) readLines(stream, (line) => this.#said(line));
    const guard = child.pid === undefined ? undefined : guardAgainstOrphan(child.pid);
    const startedAt = performance.now();
    // A program that cannot be run: whoever waits for it to live is told so by the exit code.
    child.on("error", ({ message }) => this.#said({ level: "error", logger: undefined, text: message }));
    child.on("close", () => {
      guard?.kill("SIGKILL");
      this.#closed = child;
      this.#ended(child, performance.now() - startedAt);
    });
    return child;
  }

  #said({ level, logger, text }: EnvoyLine): void {
    if (level === "error") this.#lastError = text;
    // That it was told to end, and what it loses by that, is no news.
    const ours = this.#stopping && level === "warn" ? "debug" : level;
    this.#options.log[ours](`envoy: ${text}`, logger === undefined ? {} : { logger });
  }

  #ended(child: ChildProcess, livedMs: number): void {
    const wasLive = this.#live;
    this.#live = false;
    // One that never lived is its starter's business, unless it was a restart.
    if (this.#stopping || child !== this.#child || (!wasLive && this.#restarts === 0)) return;
    if (livedMs > STABLE_MS) this.#restartMs = RESTART_MS.least;
    const inMs = this.#restartMs;
    this.#restartMs = Math.min(inMs * 2, RESTART_MS.most);
    this.#restarts += 1;
    this.#options.log.error("Envoy has ended and is started again", { how: howEnded(child), inMs });
    this.#restart = setTimeout(() => {
      this.#awaitLive(this.#spawn(), []).then(
        () => this.#options.log.info("Envoy serves again"),
        (error: unknown) => this.#options.log.error("Envoy does not get ready", { error }),
      );
    }, inMs);
  }

  async #awaitLive(child: ChildProcess, listeners: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const deadline = performance.now() + START_MS;
    while (performance.now() < deadline) {
      if (this.#closed === child) throw new Error(`Envoy ended with ${howEnded(child)}: ${this.#reason}`);
      if (this.#stopping) throw new Error("Envoy is being stopped");
      const ports = await this.#portsWhenLive();
      if (ports !== undefined && listeners.every((name) => ports.has(name)) && child === this.#child) {
        this.#live = true;
        return ports;
      }
      await pause(POLL_MS);
    }
    throw new Error(`Envoy did not get ready in ${START_MS / 1000} s: ${this.#reason}`);
  }

  async #portsWhenLive(): Promise<ReadonlyMap<string, number> | undefined> {
    const address = readOrEmpty(this.#addressFile);
    if (address === "") return undefined;
    try {
      const admin = new EnvoyAdmin(address);
      this.#admin = admin;
      return (await admin.isLive()) ? await admin.listenerPorts() : undefined;
    } catch {
      // Not listening yet, or ending: asked again, or found ended.
      return undefined;
    }
  }

  get #reason(): string {
    return this.#lastError || "it said no reason";
  }

  get #addressFile(): string {
    return join(this.#options.folder, "envoy-admin.txt");
  }
}

/**
 * Ends Envoy when this process ends without doing so itself (killed, say): an Envoy without its processor would hold the port
 * and answer every request with an error. A pipe that closes with this process tells the guard.
 */
function guardAgainstOrphan(pid: number): ChildProcess {
  const script = 'read -r _; kill -TERM "$1"';
  const guard = spawn("sh", ["-c", script, "sh", String(pid)], {
    detached: true,
    env: { PATH: process.env["PATH"] },
    stdio: ["pipe", "ignore", "ignore"],
  });
  // Without a shell there is no guard, and nothing else is lost.
  guard.on("error", () => undefined);
  return guard;
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

function howEnded(child: ChildProcess): string {
  return child.signalCode ?? `exit code ${child.exitCode}`;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    // Written by Envoy when its admin port is open.
    return "";
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
