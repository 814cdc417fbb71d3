/** One histogram series; what it counts was allocated before the first request. */

/** Counts observations by bucket, and sums them. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** Count of each bucket (not cumulative), of what lies above the last bound, and the sum of all. */
  readonly #cells: Float64Array;

  /** @param bounds Inclusive upper bounds of the buckets, ascending. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#cells = new Float64Array(bounds.length + 2);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    const cells = this.#cells;
    let bucket = 0;
    // Fewer than 25 bounds: a scan beats a binary search.
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    cells[bucket] = (cells[bucket] as number) + 1;
    const sum = bounds.length + 1;
    cells[sum] = (cells[sum] as number) + value;
  }

  /** The bucket counts, not cumulative, the one above the last bound, then the sum. */
  values(): number[] {
    return Array.from(this.#cells);
  }
}

/** Makes bounds that grow by a factor. */
export function exponentialBounds(first: number, factor: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => first * factor ** i);
}
