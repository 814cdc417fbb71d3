/**
 * Finds where the strings of a big JSON document end, by a WebAssembly kernel (quotes.wat) that looks at 64 bytes at once.
 * Why that and not a loop: docs/decisions/2026-11-21-wasm-quote-finder.md.
 */
import { QUOTES_WASM } from "./quotes-wasm.ts";

/** Most bytes that the kernel takes at once, few enough to stay in the CPU's first cache; what it finds comes behind. */
const BLOCK_MAX = 8192;

/** As much of it as is used here; TypeScript declares it in its DOM library only. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** What quotes.wat exports. */
interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly find: (length: number, fresh: number) => number;
}

/**
 * The quotes of one document in their order, found block by block as far as they are asked for. One finder serves every
 * document of the process: a scan never yields, and starts with {@link reset}. The document itself is not kept.
 */
export class QuoteFinder {
  readonly #find: Kernel["find"];
  readonly #input: Uint8Array;
  readonly #found: Int32Array;
  /** The block's place in the document. */
  #start = 0;
  #end = 0;
  /** Quotes found in the block, and the first that has not been passed yet. */
  #count = 0;
  #next = 0;

  constructor({ memory, find }: Kernel) {
    this.#find = find;
    this.#input = new Uint8Array(memory.buffer, 0, BLOCK_MAX);
    this.#found = new Int32Array(memory.buffer, BLOCK_MAX);
  }

  /** Forgets the last document. */
  reset(): void {
    this.#end = 0;
    this.#count = 0;
    this.#next = 0;
  }

  /**
   * Position of the first unescaped quote after the one at `quote`, which opens a string or is escaped inside one; -1 when
   * there is none. To be asked for from front to back. What stands between strings cannot mislead: only backslashes right
   * before a quote escape it, and outside strings a scan stops at them before it gets to the quote.
   */
  closing(bytes: Uint8Array, quote: number): number {
    const next = this.#next;
    if (next + 1 < this.#count && this.#start + (this.#found[next] as number) === quote) {
      this.#next = next + 2;
      return this.#start + (this.#found[next + 1] as number);
    }
    return this.#closingBeyond(bytes, quote);
  }

  /** The same where the two are not simply the next two of the block. */
  #closingBeyond(bytes: Uint8Array, quote: number): number {
    if (quote >= this.#end) this.#fill(bytes, quote, 1);
    for (;;) {
      while (this.#next < this.#count) {
        const found = this.#start + (this.#found[this.#next++] as number);
        if (found > quote) return found;
      }
      if (this.#end === bytes.length) return -1;
      this.#fill(bytes, this.#end, 0);
    }
  }

  #fill(bytes: Uint8Array, start: number, fresh: number): void {
    const end = Math.min(bytes.length, start + BLOCK_MAX);
    this.#input.set(bytes.subarray(start, end));
    this.#start = start;
    this.#end = end;
    this.#count = this.#find(end - start, fresh);
    this.#next = 0;
  }
}

/** A finder; undefined where there is no WebAssembly, no SIMD, or no address space for its memory (`ulimit -v`). */
export function loadQuoteFinder(): QuoteFinder | undefined {
  try {
    const module = new WebAssembly.Module(Buffer.from(QUOTES_WASM, "base64"));
    return new QuoteFinder(new WebAssembly.Instance(module).exports as Kernel);
  } catch {
    // Nothing is lost but speed: the scanner's own loop gives the same answers.
    return undefined;
  }
}
