import { GatewayError } from "../errors/gateway-error.ts";
import { BODY_MEMORY } from "../wire/buffer-pool.ts";

/** Memory for a longer body grows as it comes: a length alone, which costs its sender nothing, does not reserve it. */
const TRUSTED_BYTES_MAX = 1024 * 1024;
/** First memory for a body of unknown length. */
const UNKNOWN_BYTES = 16 * 1024;

const NOTHING = Buffer.alloc(0);

/** Gathers a body in one piece of memory as its bytes come. */
export class BodyCollector {
  readonly #bytesMax: number;
  readonly #declared: number | undefined;
  #memory: Buffer = NOTHING;
  /** Bytes gathered so far. */
  length = 0;

  /**
   * @param declared Length that the head says, undefined where it does not.
   * @throws GatewayError `body_too_large`.
   */
  constructor(declared: number | undefined, bytesMax: number) {
    if (declared !== undefined && declared > bytesMax) throw tooLarge(bytesMax);
    this.#declared = declared;
    this.#bytesMax = bytesMax;
  }

  /** Adds bytes, which may be written over afterwards. Throws GatewayError `body_too_large`. */
  push(bytes: Uint8Array): void {
    const end = this.length + bytes.length;
    if (end > this.#bytesMax) throw tooLarge(this.#bytesMax);
    if (end > this.#memory.length) this.#grow(end);
    this.#memory.set(bytes, this.length);
    this.length = end;
  }

  /** Memory for what comes next of a body of known length: to be written to from its start, then told of by `wrote`. */
  room(): Buffer {
    if (this.length === this.#memory.length) this.#grow(this.length + 1);
    return this.#memory.subarray(this.length, this.#declared);
  }

  /** Takes in what was written to `room`. */
  wrote(bytes: number): void {
    this.length += bytes;
  }

  /** What has been gathered. */
  body(): Buffer {
    return this.#memory.subarray(0, this.length);
  }

  /** Gives the memory back. Nothing may hold any part of the body any more. */
  release(): void {
    BODY_MEMORY.release(this.#memory);
    this.#memory = NOTHING;
    this.length = 0;
  }

  #grow(needed: number): void {
    const old = this.#memory;
    this.#memory = BODY_MEMORY.take(this.#capacity(needed));
    if (this.length === 0) return;
    old.copy(this.#memory, 0, 0, this.length);
    BODY_MEMORY.release(old);
  }

  #capacity(needed: number): number {
    const most = this.#declared ?? this.#bytesMax;
    const first = this.#declared === undefined ? UNKNOWN_BYTES : TRUSTED_BYTES_MAX;
    return Math.min(most, Math.max(needed, 2 * this.#memory.length, first));
  }
}

function tooLarge(bytesMax: number): GatewayError {
  return new GatewayError("body_too_large", `the request body is larger than the ${bytesMax} bytes this gateway takes`);
}
