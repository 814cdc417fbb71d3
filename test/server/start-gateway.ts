/** Starts the gateway as its users do, as a process with a configuration file, and reads what it prints. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Simulator, startSimulator } from "../../src/simulate/simulator.ts";

/** An access-log line. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A running gateway. */
export interface Gateway {
  readonly url: string;
  readonly adminUrl: string;
  /** Access-log lines so far. */
  logs(): readonly LogLine[];
  /** The first line the predicate accepts, as soon as it is written; rejects after {@link LOG_TIMEOUT_MS}. */
  log(predicate: (line: LogLine) => boolean): Promise<LogLine>;
  /** Replaces the configuration file. */
  configure(config: string): Promise<void>;
  /** Everything written to stderr so far. */
  stderr(): string;
  /** Asks the process to end, as a service manager does, and returns its exit code. */
  stop(): Promise<number | null>;
}

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const POISON = new URL("poison-bodies.ts", import.meta.url).href;
const READY_TIMEOUT_MS = 15_000;
const LOG_TIMEOUT_MS = 5_000;
const STOP_TIMEOUT_MS = 20_000;

/** How a gateway is started, beside its configuration. */
export interface StartOptions {
  /** Processes that serve, 1 unless told. */
  readonly workers?: number;
  /** Listens on the ports of the configuration instead of a free one. */
  readonly ownPorts?: boolean;
  readonly args?: readonly string[];
  /** Environment beside the path. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `aigw run` with a configuration; rejects with what it printed when it does not get ready. */
export async function startGateway(config: string, options: StartOptions = {}): Promise<Gateway> {
  const { workers = 1, ownPorts = false, args = [], env = {} } = options;
  const folder = await mkdtemp(join(tmpdir(), "aigw-test-"));
  const file = join(folder, "config.yaml");
  await writeFile(file, config);
  const ports = ["--address", "127.0.0.1", ...(ownPorts ? [] : ["--port", "0"]), "--admin-port", "0"];
  const command = ["--import", POISON, MAIN, "run", file, ...ports, "--workers", String(workers), ...args];
  const child = spawn(process.execPath, command, { cwd: folder, env: { PATH: process.env["PATH"], ...env } });
  const output = new Output(child);
  try {
    const [url, adminUrl] = await output.ready();
    return {
      url,
      adminUrl,
      logs: () => output.lines,
      log: (predicate) => output.line(predicate),
      configure: async (changed) => {
        // At once: half of a file can be a valid configuration, too.
        await writeFile(`${file}.new`, changed);
        await rename(`${file}.new`, file);
      },
      stderr: () => output.stderr,
      stop: async () => {
        const code = await stop(child);
        await rm(folder, { recursive: true, force: true });
        return code;
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A gateway with a simulated provider behind it. */
export interface GatewayWithSimulator extends Gateway {
  readonly simulator: Simulator;
}

/** Starts both; the configuration is made from the simulator's port. */
export async function startWithSimulator(
  config: (port: number) => string,
  options: StartOptions = {},
): Promise<GatewayWithSimulator> {
  const simulator = await startSimulator({ port: 0, record: 1000 });
  try {
    const gateway = await startGateway(config(simulator.port), options);
    return {
      ...gateway,
      simulator,
      stop: async () => {
        const code = await gateway.stop();
        await simulator.close();
        return code;
      },
    };
  } catch (error) {
    await simulator.close();
    throw error;
  }
}

/** What a gateway process prints: addresses and messages, and access-log lines on stdout. */
class Output {
  readonly lines: LogLine[] = [];
  stderr = "";
  readonly #child: ChildProcess;
  #stdout = "";
  #rest = "";
  #changed = Promise.withResolvers<void>();

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop() ?? "";
      this.lines.push(...lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as LogLine));
      this.#notify();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#notify();
    });
    child.on("exit", () => this.#notify());
  }

  ready(): Promise<[url: string, adminUrl: string]> {
    return this.#until("the gateway's ready line", READY_TIMEOUT_MS, () => {
      const url = /listening on (http:\/\/[\w.:[\]]+)/.exec(this.#all)?.[1];
      const adminUrl = /admin on (http:\/\/[\w.:[\]]+)/.exec(this.#all)?.[1];
      return url === undefined || adminUrl === undefined ? undefined : [url, adminUrl];
    });
  }

  line(predicate: (line: LogLine) => boolean): Promise<LogLine> {
    return this.#until("an access-log line", LOG_TIMEOUT_MS, () => this.lines.find(predicate));
  }

  get #all(): string {
    return this.#stdout + this.stderr;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** Looks again whenever something was printed. */
  async #until<T>(what: string, timeoutMs: number, look: () => T | undefined): Promise<T> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const timedOut = new Promise<void>((resolve) => timeout.addEventListener("abort", () => resolve()));
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const ended = this.#child.exitCode !== null;
      if (ended || timeout.aborted) {
        throw new Error(`${what} did not come (exit code ${this.#child.exitCode}); it printed:\n${this.#all}`);
      }
      await Promise.race([this.#changed.promise, timedOut]);
    }
  }
}

async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  child.kill("SIGTERM");
  const killer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  const code = await exited;
  clearTimeout(killer);
  return code;
}
