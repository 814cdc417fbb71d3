import type { Counter } from "./counter.ts";

/** Where a counter is found. */
interface Place {
  readonly limit: string;
  readonly values: string;
}

/**
 * The counters of a process, oldest first. They are found by the limit and then by the values: one name of both, made anew for every
 * request, would cost more than all the rest of a decision.
 */
export class CounterIndex implements Iterable<Counter> {
  readonly #byLimit = new Map<string, Map<string, Counter>>();
  readonly #places = new Map<Counter, Place>();

  get size(): number {
    return this.#places.size;
  }

  /** The counter of a limit, by its id, for the values of its `per`. */
  get(limit: string, values: readonly string[]): Counter | undefined {
    return this.#byLimit.get(limit)?.get(joined(values));
  }

  set(limit: string, values: readonly string[], counter: Counter): void {
    const place = { limit, values: joined(values) };
    let ofLimit = this.#byLimit.get(limit);
    if (ofLimit === undefined) {
      ofLimit = new Map();
      this.#byLimit.set(limit, ofLimit);
    }
    ofLimit.set(place.values, counter);
    this.#places.set(counter, place);
  }

  delete(counter: Counter): void {
    const place = this.#places.get(counter);
    if (place === undefined) return;
    this.#places.delete(counter);
    const ofLimit = this.#byLimit.get(place.limit);
    ofLimit?.delete(place.values);
    if (ofLimit?.size === 0) this.#byLimit.delete(place.limit);
  }

  [Symbol.iterator](): IterableIterator<Counter> {
    return this.#places.keys();
  }
}

function joined(values: readonly string[]): string {
  return values.length === 1 ? (values[0] as string) : values.join("\n");
}
