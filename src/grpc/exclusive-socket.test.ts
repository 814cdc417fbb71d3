import assert from "node:assert/strict";
import cluster from "node:cluster";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createGrpcServer } from "./server.ts";

/** How often it is looked whether a process has ended. */
const LOOK_MS = 5;

/**
 * Waits, without letting this process hear of anything, until all threads of another one have ended; its parent has still to be told.
 * The state follows the name (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html); Z is a zombie.
 */
function waitForEnd(pid: number): void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  const isAlive = () =>
    readdirSync(`/proc/${pid}/task`).length > 1 || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  while (isAlive()) Atomics.wait(never, 0, 0, LOOK_MS);
}

// The same file is the program of the worker.
if (cluster.isWorker) {
  const server = createGrpcServer(new Map(), { onError: () => undefined });
  await server.listen({ path: process.env["SOCKET"] ?? "", exclusive: true });
  process.send?.("listening");
} else {
  test("nobody accepts connections for a worker process that was killed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "aigw-exclusive-"));
    const path = join(folder, "s.sock");
    cluster.setupPrimary({ exec: import.meta.filename, execArgv: [] });
    const worker = cluster.fork({ SOCKET: path });
    try {
      await once(worker, "message");
      const exit = once(worker, "exit");
      worker.process.kill("SIGKILL");
      waitForEnd(worker.process.pid ?? 0);
      const socket = connect(path);
      await assert.rejects(once(socket, "connect"), { code: "ECONNREFUSED" });
      await exit;
    } finally {
      worker.process.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
