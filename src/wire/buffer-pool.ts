/** Memory of big bodies, which is used again: what is new outside the heap makes the garbage collector run. */

/** From this size on memory is kept; smaller buffers are cheap to make. */
const SMALLEST_BYTES = 32 * 1024;
/** Largest size that is kept. */
const LARGEST_BYTES = 4 * 1024 * 1024;
/** Most memory that is kept unused. */
const KEPT_BYTES_MAX = 16 * 1024 * 1024;

/** Buffers in sizes that are powers of two. */
export class BufferPool {
  /** By size, as a logarithm. */
  readonly #kept: Buffer[][] = [];
  #keptBytes = 0;

  /** A buffer of at least this size. What is in it is left over from others: read nothing that was not written. */
  take(bytes: number): Buffer {
    if (bytes < SMALLEST_BYTES || bytes > LARGEST_BYTES) return Buffer.allocUnsafe(bytes);
    const log = 32 - Math.clz32(bytes - 1);
    const kept = this.#kept[log]?.pop();
    if (kept === undefined) return Buffer.allocUnsafeSlow(2 ** log);
    this.#keptBytes -= kept.length;
    return kept;
  }

  /** Takes back a whole buffer of `take`. Nobody may hold any part of it any more: it will be written over. */
  release(buffer: Buffer): void {
    const bytes = buffer.length;
    if (bytes < SMALLEST_BYTES || bytes > LARGEST_BYTES || this.#keptBytes + bytes > KEPT_BYTES_MAX) return;
    const log = 31 - Math.clz32(bytes);
    this.#kept[log] ??= [];
    this.#kept[log].push(buffer);
    this.#keptBytes += bytes;
  }
}

/** Memory of the bodies of this process. */
export const BODY_MEMORY = new BufferPool();
