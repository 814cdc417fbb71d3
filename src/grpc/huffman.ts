/** The Huffman code of header strings (RFC 7541 section 5.2 and appendix B). */

/**
 * Length in bits of every byte's code, end-of-string last, as runs of `length×count`. The code is canonical, codes of
 * one length follow each other in the order of the bytes, so that the lengths say all of it.
 */
const LENGTH_RUNS =
  "13 23 28×7 24 30 28×2 30 28×8 30 28×9 6 10×2 12 13 6 8 11 10×2 8 11 8 6×3 5×3 6×7 7 8 15 6 12 10 13 6 7×22 8 7 8 13 " +
  "19 13 14 6 15 5 6 5 6 5 6×3 5 7×2 6×3 5 6 7 6 5×2 6 7×5 15 11 14 13 28 20 22 20×2 22×3 23 22 23×5 24 23 24×2 22 23 " +
  "24 23×4 21 22 23 22 23×2 24 22 21 20 22×2 23×2 21 23 22×2 24 21 22 23×2 21×2 22 21 23 22 23×2 20 22×3 23 22×2 23 " +
  "26×2 20 19 22 23 22 25 26×3 27×2 26 24 25 19 21 26 27×2 26 27 24 21×2 26×2 28 27×3 20 24 20 21 22 21×2 23 22×2 25×2 " +
  "24×2 26 23 26 27 26×2 27×5 28 27×5 26 30";

const END_OF_STRING = 256;
const LENGTH_MAX = 30;
/** Padding is shorter than a byte, and all ones. */
const PADDING_BITS_MAX = 7;

/** Codes of one length: the first of them, how many there are, and where their symbols begin in `SYMBOLS`. */
const FIRST_CODE = new Int32Array(LENGTH_MAX + 1);
const COUNT = new Int32Array(LENGTH_MAX + 1);
const OFFSET = new Int32Array(LENGTH_MAX + 1);
/** Symbols by length of their code, then by value. */
const SYMBOLS = new Int32Array(END_OF_STRING + 1);

function prepare(): void {
  const lengths = LENGTH_RUNS.split(" ").flatMap((run) => {
    const [length, count = "1"] = run.split("×");
    return new Array<number>(Number(count)).fill(Number(length));
  });
  let code = 0;
  let offset = 0;
  for (let length = 1; length <= LENGTH_MAX; length++) {
    code <<= 1;
    FIRST_CODE[length] = code;
    OFFSET[length] = offset;
    lengths.forEach((of, symbol) => {
      if (of !== length) return;
      SYMBOLS[offset] = symbol;
      offset += 1;
    });
    COUNT[length] = offset - (OFFSET[length] ?? 0);
    code += COUNT[length] ?? 0;
  }
}
prepare();

/** Decodes a Huffman-coded string, bytes as latin1; undefined when it is none. */
export function decodeHuffman(bytes: Uint8Array): string | undefined {
  const codes: number[] = [];
  let code = 0;
  let length = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >> bit) & 1);
      length += 1;
      const index = code - (FIRST_CODE[length] ?? 0);
      if (index < (COUNT[length] ?? 0)) {
        const symbol = SYMBOLS[(OFFSET[length] ?? 0) + index] ?? END_OF_STRING;
        if (symbol === END_OF_STRING) return undefined;
        codes.push(symbol);
        code = 0;
        length = 0;
      }
    }
  }
  const padded = length <= PADDING_BITS_MAX && code === (1 << length) - 1;
  return padded ? Buffer.from(codes).toString("latin1") : undefined;
}
