/**
 * Forms as browsers and SDKs upload them: multipart/form-data (RFC 7578) over the whole body. Only places are kept, nothing
 * is copied, so that one field can be edited and every other byte goes on as it came.
 *
 * What two readers could take for different forms is refused rather than guessed at: who routes by a field must see the
 * one that the provider will see.
 */
import { isUtf8 } from "node:buffer";
import { splice } from "./json-splice.ts";
import { asBuffer } from "./sse.ts";

/** Most parts of a form. */
export const PARTS_MAX = 1000;
/** Most bytes that the headers of one part may have. */
export const PART_HEADER_BYTES_MAX = 16 * 1024;
/** Longest value that is read as text. */
export const TEXT_BYTES_MAX = 4096;

const CR = 0x0d;
const LF = 0x0a;
const DASH = 0x2d;
const SPACE = 0x20;
const TAB = 0x09;
const LINE_END = "\r\n";
const HEADERS_END = Buffer.from("\r\n\r\n");

/** RFC 2046 section 5.1.1: 1 to 70 characters, the last one no space. */
const BOUNDARY = /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/;
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+/;
const QUOTED = /^"((?:[^"\\]|\\.)*)"/s;
/** Encodings that leave the bytes as they are; RFC 7578 section 4.7 has no use for others. */
const PLAIN_ENCODINGS: ReadonlySet<string> = new Set(["", "7bit", "8bit", "binary"]);

/** A form that cannot be read, or that is not the same form to every reader. */
export class MultipartError extends Error {
  override readonly name = "MultipartError";
}

/** One field of a form: its content stands at `start`…`end`. */
export interface FormPart {
  readonly name: string;
  /** Whether it was sent as a file. */
  readonly isFile: boolean;
  /** Whether its content is what it means, not an encoding of it. */
  readonly isPlain: boolean;
  readonly start: number;
  readonly end: number;
}

/**
 * The boundary that a content type names.
 *
 * @returns Undefined when it names none, or names it in a way that is not the same to every reader.
 */
export function readBoundary(contentType: string): string | undefined {
  const semicolon = contentType.indexOf(";");
  if (semicolon < 0) return undefined;
  const boundary = readParameters(contentType.slice(semicolon))?.get("boundary");
  return boundary !== undefined && BOUNDARY.test(boundary) ? boundary : undefined;
}

/** A form and where its fields stand; the bytes must not change. */
export class MultipartForm {
  readonly bytes: Buffer;
  readonly parts: readonly FormPart[];
  readonly #boundary: string;
  /** Where the last delimiter begins. */
  readonly #close: number;

  /**
   * Reads a form.
   *
   * @param boundary As {@link readBoundary} gives it.
   * @throws MultipartError
   */
  constructor(bytes: Uint8Array, boundary: string) {
    this.bytes = asBuffer(bytes);
    this.#boundary = boundary;
    const { parts, close } = readParts(this.bytes, Buffer.from(`--${boundary}`));
    this.parts = parts;
    this.#close = close;
  }

  /**
   * The field of a name.
   *
   * @returns Undefined when there is none.
   * @throws MultipartError when it is there twice, be it in other case: readers differ in which one they take.
   */
  field(name: string): FormPart | undefined {
    const [first, second] = this.parts.filter((part) => part.name.toLowerCase() === name);
    if (second !== undefined) throw new MultipartError(`the field '${name}' is given twice`);
    return first?.name === name ? first : undefined;
  }

  /**
   * The value of a text field.
   *
   * @returns Undefined when there is none.
   * @throws MultipartError when it is there twice, or is no short plain text.
   */
  text(name: string): string | undefined {
    const part = this.field(name);
    if (part === undefined) return undefined;
    const bytes = this.bytes.subarray(part.start, part.end);
    if (part.isFile || !part.isPlain || bytes.length > TEXT_BYTES_MAX || !isUtf8(bytes)) {
      throw new MultipartError(`the field '${name}' must be a short text`);
    }
    return bytes.toString();
  }

  /** The form with another value for a text field, which comes last if it was not there; its boundary stays. */
  withText(name: string, value: string): Uint8Array {
    const part = this.field(name);
    if (part !== undefined) return splice(this.bytes, part.start, part.end, value);
    const head = `--${this.#boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n`;
    return splice(this.bytes, this.#close, this.#close, `${head}${value}\r\n`);
  }
}

/** Walks from delimiter to delimiter. `close` is where the last one's dashes begin. */
function readParts(bytes: Buffer, dashBoundary: Buffer): { parts: FormPart[]; close: number } {
  const parts: FormPart[] = [];
  let dash = bytes.indexOf(LINE_END) === 0 ? LINE_END.length : 0;
  if (bytes.indexOf(dashBoundary) !== dash) throw new MultipartError("the body does not begin with the boundary");
  for (;;) {
    const after = dash + dashBoundary.length;
    if (bytes[after] === DASH && bytes[after + 1] === DASH) {
      if (!endsLine(bytes, after + 2)) throw new MultipartError(`text after the boundary at byte ${dash}`);
      return { parts, close: dash };
    }
    if (parts.length === PARTS_MAX) throw new MultipartError(`more than ${PARTS_MAX} parts`);
    const headers = lineAfter(bytes, after);
    const next = nextDelimiter(bytes, dashBoundary, headers);
    parts.push(readPart(bytes, headers, next - LINE_END.length));
    dash = next;
  }
}

/** Whether nothing but white space stands between `pos` and the line's or the body's end. */
function endsLine(bytes: Buffer, pos: number): boolean {
  let end = pos;
  while (bytes[end] === SPACE || bytes[end] === TAB) end++;
  return end === bytes.length || (bytes[end] === CR && bytes[end + 1] === LF);
}

/** The start of the line after the delimiter that ends at `after`. */
function lineAfter(bytes: Buffer, after: number): number {
  if (!endsLine(bytes, after)) throw new MultipartError(`text after the boundary at byte ${after}`);
  const end = bytes.indexOf(LINE_END, after);
  if (end < 0) throw new MultipartError("the body ends before its last boundary");
  return end + LINE_END.length;
}

/** Where the dashes of the next delimiter begin: at a line's start. Inside of a line they are content. */
function nextDelimiter(bytes: Buffer, dashBoundary: Buffer, from: number): number {
  let dash = bytes.indexOf(dashBoundary, from);
  while (dash >= 0) {
    const isAfterLineFeed = bytes[dash - 1] === LF;
    if (isAfterLineFeed && bytes[dash - 2] === CR) return dash;
    // Some readers take lines that end in less than CRLF.
    if (isAfterLineFeed || bytes[dash - 1] === CR) throw new MultipartError(`a bare line end at byte ${dash - 1}`);
    dash = bytes.indexOf(dashBoundary, dash + 1);
  }
  throw new MultipartError("the body ends before its last boundary");
}

/** Reads the part between two delimiters: headers, an empty line, content. */
function readPart(bytes: Buffer, start: number, end: number): FormPart {
  const length = bytes.subarray(start, Math.min(end, start + PART_HEADER_BYTES_MAX)).indexOf(HEADERS_END);
  if (length < 0) throw new MultipartError(`the part at byte ${start} has no end of its headers`);
  const headers = readHeaders(bytes.toString("latin1", start, start + length));
  const disposition = headers.get("content-disposition") ?? "";
  const [type = ""] = disposition.split(";", 1);
  if (type.trim().toLowerCase() !== "form-data") throw new MultipartError(`the part at byte ${start} is no form field`);
  const parameters = readParameters(disposition.slice(type.length));
  const name = parameters?.get("name");
  // Readers differ in whether a backslash stands for itself, and in the encodings of RFC 5987, which RFC 7578 forbids.
  if (parameters === undefined || name === undefined || name.includes("\\")) {
    throw new MultipartError(`the part at byte ${start} has no plain name`);
  }
  const encoding = (headers.get("content-transfer-encoding") ?? "").toLowerCase();
  return {
    name: Buffer.from(name, "latin1").toString(),
    isFile: parameters.has("filename") || parameters.has("filename*"),
    isPlain: PLAIN_ENCODINGS.has(encoding),
    start: start + length + HEADERS_END.length,
    end,
  };
}

/** Headers by lower-case name. */
function readHeaders(text: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const line of text.split(LINE_END)) {
    const name = TOKEN.exec(line)?.[0];
    if (name === undefined || line[name.length] !== ":" || /[\r\n\0]/.test(line)) {
      throw new MultipartError("a header of a part is malformed");
    }
    const key = name.toLowerCase();
    if (headers.has(key)) throw new MultipartError(`a part has two headers ${key}`);
    headers.set(key, line.slice(name.length + 1).trim());
  }
  return headers;
}

/** Parameters (`; name=value; name="value"`) by lower-case name, quoted values as they stand between the quotes. */
function readParameters(text: string): ReadonlyMap<string, string> | undefined {
  const parameters = new Map<string, string>();
  let rest = text.trimStart();
  while (rest !== "") {
    if (!rest.startsWith(";")) return undefined;
    rest = rest.slice(1).trimStart();
    if (rest === "") break;
    const name = TOKEN.exec(rest)?.[0] ?? "";
    const value = rest.slice(name.length + 1);
    const quoted = QUOTED.exec(value);
    const raw = quoted?.[0] ?? TOKEN.exec(value)?.[0];
    const key = name.toLowerCase();
    if (key === "" || rest[name.length] !== "=" || raw === undefined) return undefined;
    if (parameters.has(key) || key.startsWith("name*") || key.startsWith("boundary*")) return undefined;
    parameters.set(key, quoted?.[1] ?? raw);
    rest = value.slice(raw.length).trimStart();
  }
  return parameters;
}
