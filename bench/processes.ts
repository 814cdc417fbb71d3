/** Processes of a run: kept to their cores, measured through /proc, and ended with the run however it ends. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";

/** What is started, and where. */
export interface Launch {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** CPU list as taskset reads it, or undefined for all. */
  readonly cores: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

/** A started process whose output goes to a file. */
export interface Started {
  readonly pid: number;
  /** The end of what it printed. */
  output(): string;
  hasEnded(): boolean;
  stop(): Promise<void>;
}

/** Ticks of the times in /proc/PID/stat: 100 a second for every program on x86 and ARM (`man 7 time`, USER_HZ). */
const TICKS_PER_SECOND = 100;
const OUTPUT_SHOWN = 2_000;

const running = new Set<ChildProcess>();
const canPin = hasTaskset() && availableParallelism() > 1;

process.on("exit", () => {
  for (const child of running) endGroup(child, "SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));

/** Why processes share cores, where they cannot be kept apart. */
export function pinningFault(): string | undefined {
  if (canPin) return undefined;
  return hasTaskset() ? "this machine has one core" : "taskset (Debian: util-linux) is not installed";
}

/** Starts a process in a group of its own, its output in `logs/<name>.log`. */
export function start(launch: Launch, logs: string): Started {
  mkdirSync(logs, { recursive: true });
  const log = join(logs, `${launch.name}.log`);
  const file = openSync(log, "w");
  const [command, args] = pinned(launch);
  const child = spawn(command, args, {
    detached: true,
    stdio: ["ignore", file, file],
    env: { ...process.env, ...launch.env },
  });
  closeSync(file);
  running.add(child);
  const ended = new Promise<void>((resolve) => {
    child.on("error", () => resolve());
    child.on("exit", () => resolve());
  }).then(() => void running.delete(child));
  return {
    pid: child.pid ?? 0,
    output: () => readFileSync(log, "utf8").slice(-OUTPUT_SHOWN),
    hasEnded: () => !running.has(child),
    stop: async () => {
      endGroup(child, "SIGTERM");
      const killer = setTimeout(() => endGroup(child, "SIGKILL"), 2_000);
      await ended;
      clearTimeout(killer);
      // Workers may outlive the process that started them.
      endGroup(child, "SIGKILL");
    },
  };
}

/** Runs a process to its end and returns what it printed; rejects with what it complained of, or when it takes too long. */
export function runToEnd(launch: Launch, timeoutSeconds: number): Promise<string> {
  const [command, args] = pinned(launch);
  const child = spawn(command, args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...launch.env },
  });
  running.add(child);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    endGroup(child, "SIGKILL");
  }, timeoutSeconds * 1000);
  return new Promise((resolve, reject) => {
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      running.delete(child);
      if (code === 0) resolve(out);
      else if (isLate) reject(new Error(`${launch.name} took longer than ${timeoutSeconds} s`));
      else reject(new Error(`${launch.name} failed (exit code ${code}):\n${(err || out).slice(-OUTPUT_SHOWN)}`));
    });
  });
}

/** CPU seconds so far of a process and everything it started, by process. */
export function cpuSeconds(pid: number): Map<number, number> {
  const all = new Map<number, { readonly parent: number; readonly seconds: number }>();
  for (const entry of readdirSync("/proc")) {
    const id = Number(entry);
    const stat = Number.isInteger(id) ? readProc(`/proc/${id}/stat`) : undefined;
    if (stat === undefined) continue;
    // The command's name stands in parentheses and may hold anything; fields are counted from behind it (`man 5 proc_pid_stat`).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    all.set(id, { parent: Number(fields[1]), seconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND });
  }
  const tree = new Map<number, number>();
  const add = (id: number): void => {
    tree.set(id, all.get(id)?.seconds ?? 0);
    for (const [child, { parent }] of all) if (parent === id) add(child);
  };
  add(pid);
  return tree;
}

/** Resident memory in MB of a process and of each that it started. */
export function residentMb(pid: number): number[] {
  return [...cpuSeconds(pid).keys()].map((id) => {
    const kilobytes = /^Rss:\s+(\d+) kB/m.exec(readProc(`/proc/${id}/smaps_rollup`) ?? "")?.[1];
    return Number(kilobytes ?? 0) / 1024;
  });
}

/** A TCP port that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
    });
  });
}

function pinned({ command, args, cores }: Launch): [command: string, args: string[]] {
  return cores !== undefined && canPin ? ["taskset", ["-c", cores, command, ...args]] : [command, [...args]];
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The whole group is gone already.
  }
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process ended while /proc was read.
    return undefined;
  }
}

function hasTaskset(): boolean {
  try {
    execFileSync("taskset", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    // Not on the path: reported by pinningFault.
    return false;
  }
}
