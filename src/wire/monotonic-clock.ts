// The global one is behind a getter, which costs more than the clock.
import { performance } from "node:perf_hooks";

/** Milliseconds since some time; they only ever grow. */
export function monotonicMs(): number {
  return performance.now();
}
