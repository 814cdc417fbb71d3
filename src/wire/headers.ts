/**
 * HTTP headers as the gateway moves them: one flat array `[name, value, name, value, …]`, names in lower case, order and
 * repetitions kept. Requests carry some twenty headers, where a scan over an array is faster than a Map and allocates
 * nothing.
 */
import { unitAt } from "./unit-at.ts";

/** A mutable list of headers; names are always lower case. */
export class HeaderMap {
  /** Alternating lower-case names and values. Read it freely; change it only through the methods. */
  readonly flat: string[];

  constructor(flat: string[] = []) {
    this.flat = flat;
  }

  /** Copies Node's `rawHeaders` (`[Name, value, …]`), lower-casing the names. */
  static fromRaw(raw: readonly string[]): HeaderMap {
    const flat = raw.slice();
    for (let i = 0; i < flat.length; i += 2) flat[i] = lowerCase(flat[i] as string);
    return new HeaderMap(flat);
  }

  /** The first value of a header, or undefined. */
  get(name: string): string | undefined {
    const { flat } = this;
    for (let i = 0; i < flat.length; i += 2) if (flat[i] === name) return flat[i + 1];
    return undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Replaces every value of a header by one. */
  set(name: string, value: string): void {
    const { flat } = this;
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i] !== name) continue;
      flat[i + 1] = value;
      this.#removeFrom(name, i + 2);
      return;
    }
    flat.push(name, value);
  }

  /** Adds a value beside those that are there. */
  append(name: string, value: string): void {
    this.flat.push(name, value);
  }

  remove(name: string): void {
    this.#removeFrom(name, 0);
  }

  #removeFrom(name: string, start: number): void {
    const { flat } = this;
    let write = start;
    for (let read = start; read < flat.length; read += 2) {
      if (flat[read] === name) continue;
      if (write !== read) {
        flat[write] = flat[read] as string;
        flat[write + 1] = flat[read + 1] as string;
      }
      write += 2;
    }
    // Setting it is a call out of optimised code, though it be the same.
    if (write !== flat.length) flat.length = write;
  }

  clone(): HeaderMap {
    return new HeaderMap(this.flat.slice());
  }
}

/** `String.toLowerCase` that returns the same string where there is nothing to do, as for every HTTP/2 name. */
function lowerCase(name: string): string {
  const { length } = name;
  for (let i = 0; i < length; i++) {
    const code = unitAt(name, i);
    if (code >= 0x41 && code <= 0x5a) return name.toLowerCase();
  }
  return name;
}
