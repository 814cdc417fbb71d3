/** The open streams of a connection by their number. */
import type { ServerStream } from "./server-stream.ts";

const BUCKETS_AT_FIRST = 64;

/**
 * A hash table chained through the streams themselves. A `Map` into which every request is put and taken out again outgrows
 * itself all the time, and its discarded tables in old space keep whole requests alive until a full collection.
 */
export class StreamTable {
  #buckets: (ServerStream | undefined)[] = new Array<undefined>(BUCKETS_AT_FIRST).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): ServerStream | undefined {
    let stream = this.#buckets[this.#bucketOf(id)];
    while (stream !== undefined && stream.id !== id) stream = stream.nextInBucket;
    return stream;
  }

  /** Adds a stream whose number is not in the table. */
  add(stream: ServerStream): void {
    if (this.#size >= this.#buckets.length) this.#grow();
    this.#size += 1;
    this.#link(stream);
  }

  /** Removes a stream that may be in the table. */
  delete(stream: ServerStream): void {
    const bucket = this.#bucketOf(stream.id);
    let before: ServerStream | undefined;
    let at = this.#buckets[bucket];
    while (at !== undefined && at !== stream) {
      before = at;
      at = at.nextInBucket;
    }
    if (at === undefined) return;
    if (before === undefined) this.#buckets[bucket] = stream.nextInBucket;
    else before.nextInBucket = stream.nextInBucket;
    stream.nextInBucket = undefined;
    this.#size -= 1;
  }

  /** All streams as they are now. */
  all(): ServerStream[] {
    const streams: ServerStream[] = [];
    for (const first of this.#buckets) {
      for (let stream = first; stream !== undefined; stream = stream.nextInBucket) streams.push(stream);
    }
    return streams;
  }

  #link(stream: ServerStream): void {
    const bucket = this.#bucketOf(stream.id);
    stream.nextInBucket = this.#buckets[bucket];
    this.#buckets[bucket] = stream;
  }

  #grow(): void {
    const streams = this.all();
    this.#buckets = new Array<undefined>(this.#buckets.length * 2).fill(undefined);
    for (const stream of streams) this.#link(stream);
  }

  /** Numbers of a client's streams are odd (RFC 9113 section 5.1.1). */
  #bucketOf(id: number): number {
    return (id >>> 1) & (this.#buckets.length - 1);
  }
}
