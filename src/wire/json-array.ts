/** A JSON array that comes in pieces, as Google streams it: its items are given as soon as they are whole. */
import { GatewayError } from "../errors/gateway-error.ts";
import { asBuffer, checkEventBytes } from "./sse.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
const SPACE = 0x20;

/** Cuts an array of objects into its items, byte by byte, each byte once. What the items hold is not looked at. */
export class ArrayItems {
  #place: "before" | "items" | "after" = "before";
  /** Brackets that are open inside an item. */
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  #held: Buffer[] = [];
  #heldBytes = 0;

  /**
   * Takes a chunk and gives the items that are whole now.
   *
   * @throws GatewayError `upstream_invalid` for what is no array of objects, and for an item over the size cap.
   */
  push(chunk: Uint8Array): Buffer[] {
    const bytes = asBuffer(chunk);
    const items: Buffer[] = [];
    let start = this.#depth > 0 ? 0 : -1;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      if (this.#depth === 0) {
        if (this.#between(byte)) start = i;
      } else if (this.#closes(byte)) {
        items.push(this.#item(bytes.subarray(start, i + 1)));
        start = -1;
      }
    }
    if (start !== -1) this.#hold(bytes.subarray(start));
    return items;
  }

  /** Steps over a byte between items; true when an item begins with it. */
  #between(byte: number): boolean {
    if (byte <= SPACE) return false;
    if (this.#place === "before" && byte === ARRAY_OPEN) this.#place = "items";
    else if (this.#place === "items" && byte === OBJECT_OPEN) {
      this.#depth = 1;
      return true;
    } else if (this.#place === "items" && byte === ARRAY_CLOSE) this.#place = "after";
    else if (this.#place !== "items" || byte !== COMMA) {
      throw new GatewayError("upstream_invalid", "the provider's stream is not an array of JSON objects");
    }
    return false;
  }

  /** Steps over a byte of an item; true when the item ends with it. */
  #closes(byte: number): boolean {
    if (this.#inString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === BACKSLASH) this.#isEscaped = true;
      else if (byte === QUOTE) this.#inString = false;
      return false;
    }
    if (byte === QUOTE) this.#inString = true;
    else if (byte === OBJECT_OPEN || byte === ARRAY_OPEN) this.#depth += 1;
    else if (byte === OBJECT_CLOSE || byte === ARRAY_CLOSE) this.#depth -= 1;
    return this.#depth === 0;
  }

  #item(last: Buffer): Buffer {
    if (this.#held.length === 0) return last;
    this.#hold(last);
    const item = Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return item;
  }

  #hold(bytes: Buffer): void {
    this.#heldBytes += bytes.length;
    checkEventBytes(this.#heldBytes);
    this.#held.push(bytes);
  }
}
