/** Programs that run beside a test, as processes of their own on loopback. */
import { type ChildProcess, spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import type { Program } from "./install.ts";

const READY_MS = 15_000;
const RETRY_MS = 20;

/** A running program. */
export interface Service {
  /** What it has printed. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** A running program with its process. */
export interface RunningService extends Service {
  readonly child: ChildProcess;
}

/** A port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Looks until something is there; rejects when it does not come. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${READY_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Starts a program. */
export function startService(
  { command, env }: Program,
  args: readonly string[],
  more: Readonly<Record<string, string>>,
): RunningService {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...env, ...more } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      output += error.message;
      resolve();
    });
    child.once("exit", () => resolve());
  });
  return {
    child,
    output: () => output,
    signal: (name) => child.kill(name),
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Resolves when a service can be connected to. */
export async function reachable(
  { child, output }: RunningService,
  at: { path: string } | { host: string; port: number },
): Promise<void> {
  await eventually(child.spawnfile, async () => {
    if (child.exitCode !== null || child.pid === undefined) {
      throw new Error(`${child.spawnfile} ended (${child.exitCode}); it printed:\n${output()}`);
    }
    return new Promise<true | undefined>((resolve) => {
      const socket = connect(at, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => resolve(undefined));
    });
  });
}
