/** Counters in the memory of one process. */
import { keepMs, lease, type StoredCounter } from "./lease.ts";
import { type CounterStore, LEASE_MS, type LeaseReply, type LeaseRequest } from "./store.ts";

/** Counters looked at for every request, so that those nobody asks about any more are dropped. */
const SWEPT_PER_REQUEST = 2;

interface Kept extends StoredCounter {
  untilMs: number;
}

/** Keeps counters until their windows have ended. */
export class MemoryStore implements CounterStore {
  readonly #counters = new Map<string, Kept>();
  readonly #nowMs: () => number;
  readonly #leaseMs: number;
  #sweeping = this.#counters.entries();

  /** @param options `nowMs`: Unix milliseconds. */
  constructor({ nowMs, leaseMs = LEASE_MS }: { readonly nowMs: () => number; readonly leaseMs?: number }) {
    this.#nowMs = nowMs;
    this.#leaseMs = leaseMs;
  }

  /** How many counters are kept. */
  get size(): number {
    return this.#counters.size;
  }

  leaseNow(process: string, requests: readonly LeaseRequest[]): readonly LeaseReply[] {
    return requests.map((request) => this.#lease(process, request));
  }

  async lease(process: string, requests: readonly LeaseRequest[]): Promise<readonly LeaseReply[]> {
    return this.leaseNow(process, requests);
  }

  async close(): Promise<void> {
    this.#counters.clear();
  }

  #lease(process: string, request: LeaseRequest): LeaseReply {
    const nowMs = this.#nowMs();
    this.#sweep(nowMs);
    let counter = this.#counters.get(request.key);
    if (counter === undefined) {
      counter = { steps: new Map(), leases: new Map(), untilMs: 0 };
      this.#counters.set(request.key, counter);
    }
    const reply = lease(counter, process, request, { nowMs, leaseMs: this.#leaseMs });
    counter.untilMs = nowMs + keepMs(request, reply, this.#leaseMs);
    return reply;
  }

  #sweep(nowMs: number): void {
    for (let i = 0; i < SWEPT_PER_REQUEST; i++) {
      const next = this.#sweeping.next();
      if (next.done) {
        this.#sweeping = this.#counters.entries();
        return;
      }
      const [key, counter] = next.value;
      if (counter.untilMs <= nowMs) this.#counters.delete(key);
    }
  }
}
