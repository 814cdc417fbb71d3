/** HPACK (RFC 7541): reads header blocks; writes fields without any state. */
import { ConnectionFault, HTTP2_ERROR } from "./frames.ts";
import { decodeHuffman } from "./huffman.ts";

/** Largest header list taken, counted as RFC 9113 section 6.5.2 does. */
export const HEADER_LIST_BYTES_MAX = 64 * 1024;

/** Size of the dynamic table that a peer may use until it has seen our settings (RFC 9113 section 6.5.2). */
const TABLE_BYTES_DEFAULT = 4096;
/** What a field counts beyond its name and value (RFC 7541 section 4.1). */
const FIELD_OVERHEAD = 32;
/** No integer in a block is legitimately longer than the blocks we take. */
const INTEGER_MAX = 0xfffffff;

/** RFC 7541 appendix A, in order: `name` or `name=value`. */
const STATIC_TABLE: readonly (readonly [string, string])[] = (
  ":authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204|" +
  ":status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|accept-encoding=gzip, deflate|" +
  "accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|" +
  "content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type|" +
  "cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|" +
  "last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|" +
  "server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate"
)
  .split("|")
  .map((entry) => {
    const equals = entry.indexOf("=");
    return equals === -1 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
  });

/**
 * Reads the header blocks of one connection. We announce a dynamic table of size 0, but a peer's first requests may be on
 * their way before it knows, so there is one of the default size until the peer says that it has stopped using it.
 */
export class HpackDecoder {
  /** Newest first. */
  readonly #table: (readonly [string, string])[] = [];
  #tableBytes = 0;
  #tableBytesMax = TABLE_BYTES_DEFAULT;
  /** The largest table the peer may choose. */
  #limit = TABLE_BYTES_DEFAULT;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Whether blocks mean the same whenever they come: the peer has given up its dynamic table. */
  get stateless(): boolean {
    return this.#tableBytesMax === 0 && this.#limit === 0;
  }

  /** The peer has acknowledged the setting that forbids a dynamic table. */
  forbidTable(): void {
    this.#limit = 0;
  }

  /** The fields of a block, values of one name joined by commas; throws `ConnectionFault`. */
  decode(block: Buffer): Map<string, string> {
    const headers = new Map<string, string>();
    this.#bytes = block;
    this.#at = 0;
    let size = 0;
    while (this.#at < block.length) {
      const field = this.#next();
      if (field === undefined) {
        if (headers.size > 0) throw malformed("a table size update behind a field");
        continue;
      }
      const [name, value] = field;
      size += name.length + value.length + FIELD_OVERHEAD;
      if (size > HEADER_LIST_BYTES_MAX) throw new ConnectionFault(HTTP2_ERROR.enhanceYourCalm, "header list too large");
      const before = headers.get(name);
      headers.set(name, before === undefined ? value : `${before},${value}`);
    }
    return headers;
  }

  /** The next field (RFC 7541 section 6); undefined for a table size update. */
  #next(): readonly [string, string] | undefined {
    const first = this.#bytes[this.#at] ?? 0;
    if (first >= 0x80) return this.#entry(this.#integer(7));
    if (first >= 0x40) {
      const field = this.#literal(6);
      this.#remember(field);
      return field;
    }
    if (first >= 0x20) {
      this.#resize(this.#integer(5));
      return undefined;
    }
    return this.#literal(4);
  }

  #literal(prefixBits: number): readonly [string, string] {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    return [name, this.#string()];
  }

  #entry(index: number): readonly [string, string] {
    const entry = index > STATIC_TABLE.length ? this.#table[index - STATIC_TABLE.length - 1] : STATIC_TABLE[index - 1];
    if (entry === undefined) throw malformed("no such entry in the tables");
    return entry;
  }

  #remember(field: readonly [string, string]): void {
    this.#table.unshift(field);
    this.#tableBytes += field[0].length + field[1].length + FIELD_OVERHEAD;
    this.#evict();
  }

  #resize(size: number): void {
    if (size > this.#limit) throw malformed("a dynamic table larger than allowed");
    this.#tableBytesMax = size;
    this.#evict();
  }

  #evict(): void {
    while (this.#tableBytes > this.#tableBytesMax) {
      const oldest = this.#table.pop();
      if (oldest === undefined) return;
      this.#tableBytes -= oldest[0].length + oldest[1].length + FIELD_OVERHEAD;
    }
  }

  /** RFC 7541 section 5.1. */
  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80 && value <= INTEGER_MAX) return value;
    }
    throw malformed("an integer too large");
  }

  /** RFC 7541 section 5.2; bytes as latin1. */
  #string(): string {
    const coded = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw malformed("a string that ends behind its block");
    const bytes = this.#bytes.subarray(start, this.#at);
    const text = coded ? decodeHuffman(bytes) : bytes.toString("latin1");
    if (text === undefined) throw malformed("a string that is not Huffman-coded");
    return text;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw malformed("a block that ends too early");
    this.#at += 1;
    return byte;
  }
}

/** `:status: 200`, entry 8 of the static table. */
export const STATUS_200 = Buffer.of(0x88);

/** A field written out, never indexed and not Huffman-coded; value as latin1. */
export function encodeField(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0), encodeString(name), encodeString(value)]);
}

function encodeString(text: string): Buffer {
  const length = text.length;
  if (length < 127) return Buffer.concat([Buffer.of(length), Buffer.from(text, "latin1")]);
  const bytes = [127];
  let rest = length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.concat([Buffer.of(...bytes, rest), Buffer.from(text, "latin1")]);
}

function malformed(what: string): ConnectionFault {
  return new ConnectionFault(HTTP2_ERROR.compression, `header block with ${what}`);
}
