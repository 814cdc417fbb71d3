/** For tests: time and chance that the test decides, and timers that end when it says so. */
import { createLogger } from "../telemetry/logger.ts";
import type { CredentialContext } from "./credential-source.ts";
import type { StartTimer } from "./refreshed-credential.ts";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** A world whose clock stands still. */
export class TestWorld {
  now = 1_000_000;
  random = 0.5;
  /** Lines of the log. */
  readonly lines: string[] = [];
  readonly context: CredentialContext;
  readonly #timers = new Set<Timer>();

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.context = {
      nowMs: () => this.now,
      random: () => this.random,
      env,
      log: createLogger({ level: "debug", format: "text", write: (line) => this.lines.push(line), now: () => 0 }),
    };
  }

  readonly startTimer: StartTimer = (ms, callback) => {
    const timer = { atMs: this.now + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** How long until each timer ends, in milliseconds. */
  get waits(): number[] {
    return [...this.#timers].map(({ atMs }) => atMs - this.now).sort((a, b) => a - b);
  }

  /** Lets time go by, and everything that was waiting for it happen. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      const next = [...this.#timers].filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.now = next.atMs;
      this.#timers.delete(next);
      next.callback();
      await settled();
    }
    this.now = end;
    await settled();
  }
}

/** Lets promises that are settled be seen. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
