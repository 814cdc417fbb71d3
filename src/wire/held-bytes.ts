const NOTHING = Buffer.alloc(0);

/** What a stream has brought of a unit that is not whole yet. */
export class HeldBytes {
  /** The bytes are the first `#length` of it. */
  #memory: Buffer = NOTHING;
  #length = 0;
  /** Whether the memory was made here. */
  #hasGrown = false;

  /** How many they are. */
  get length(): number {
    return this.#length;
  }

  /** Holds these bytes in place of those before, without a copy: their owner may not change them. */
  hold(bytes: Buffer): void {
    // Memory of others: as it is full, nothing is ever written to it.
    this.#memory = bytes;
    this.#length = bytes.length;
    this.#hasGrown = false;
  }

  /**
   * Adds a chunk by copying it, and gives all there is now. Who passes any part of that on calls {@link hold} with the
   * rest, as the memory is written to again otherwise.
   */
  append(chunk: Buffer): Buffer {
    const before = this.#length;
    const length = before + chunk.length;
    if (length > this.#memory.length) {
      // Most units are whole by now; doubling keeps the copying linear when a large one comes in small chunks.
      const grown = Buffer.allocUnsafe(this.#hasGrown ? length * 2 : length);
      this.#memory.copy(grown, 0, 0, before);
      this.#memory = grown;
      this.#hasGrown = true;
    }
    chunk.copy(this.#memory, before);
    this.#length = length;
    return this.#memory.subarray(0, length);
  }

  /** Gives all there is and holds nothing any more. */
  take(): Buffer {
    const bytes = this.#memory.subarray(0, this.#length);
    this.hold(NOTHING);
    return bytes;
  }
}
