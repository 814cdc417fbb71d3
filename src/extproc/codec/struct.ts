/**
 * google.protobuf.Struct inside other messages, read only where someone looks
 * (https://protobuf.dev/reference/protobuf/google.protobuf/#struct).
 */
import { bytesKey, doubleKey, ProtobufError, ProtobufReader, varintKey } from "../../wire/protobuf.ts";

/** What a google.protobuf.Value can hold. */
export type StructValue = string | number | boolean | null | readonly StructValue[] | StructObject;
/** A decoded google.protobuf.Struct. */
export type StructObject = { readonly [name: string]: StructValue };

/** Like Protobuf's own libraries, against stack overflow. */
const DEPTH_MAX = 100;

// An entry of a map is a message {key = 1, value = 2}; a Struct is one such map as its field 1.
const ENTRY_KEY = bytesKey(1);
const ENTRY_VALUE = bytesKey(2);
const FIELDS = bytesKey(1);
const VALUE_NULL = varintKey(1);
const VALUE_NUMBER = doubleKey(2);
const VALUE_STRING = bytesKey(3);
const VALUE_BOOL = varintKey(4);
const VALUE_STRUCT = bytesKey(5);
const VALUE_LIST = bytesKey(6);
const LIST_VALUES = bytesKey(1);

/** A `map<string, google.protobuf.Struct>` whose entries are decoded when they are asked for. */
export class StructMap {
  readonly #bytes: Uint8Array;
  /** Start and end of each entry, one after the other. */
  readonly #ranges: readonly number[];

  constructor(bytes: Uint8Array, ranges: readonly number[]) {
    this.#bytes = bytes;
    this.#ranges = ranges;
  }

  /**
   * The value at a path: a key of the map, then names of fields; undefined where there is none. Throws a ProtobufError
   * when the bytes are no such map.
   */
  at(key: string, ...path: readonly string[]): StructValue | undefined {
    // The last entry with a key counts.
    for (let i = this.#ranges.length - 2; i >= 0; i -= 2) {
      const reader = new ProtobufReader(this.#bytes, this.#ranges[i], this.#ranges[i + 1]);
      const entry = readEntry(reader);
      if (entry.key === key) return structAt(this.#bytes, entry.value, path);
    }
    return undefined;
  }
}

/** A map without entries. */
export const NO_STRUCTS = new StructMap(new Uint8Array(0), []);

interface Range {
  readonly start: number;
  readonly end: number;
}

interface Entry {
  readonly key: string;
  readonly value: Range;
}

/** Reads an entry of a map up to the end of the reader; the value's bytes are only passed. */
function readEntry(reader: ProtobufReader): Entry {
  let key = "";
  let value: Range = { start: reader.end, end: reader.end };
  reader.eachField((field) => {
    if (field === ENTRY_KEY) key = reader.string();
    else if (field === ENTRY_VALUE) value = passRange(reader);
    else reader.skip(field);
  });
  return { key, value };
}

function passRange(reader: ProtobufReader): Range {
  const end = reader.length();
  const start = reader.position;
  reader.position = end;
  return { start, end };
}

/** The value at a path inside a Struct, passing by all that is not on the path. */
function structAt(bytes: Uint8Array, { start, end }: Range, path: readonly string[]): StructValue | undefined {
  const reader = new ProtobufReader(bytes, start, end);
  const [name, ...rest] = path;
  if (name === undefined) return readStruct(reader, 0);
  let found: Range | undefined;
  eachEntry(reader, (entry) => {
    if (entry.key === name) found = entry.value;
  });
  return found && valueAt(bytes, found, rest);
}

/** The value at a path inside a Value, which must hold a Struct to have any below it. */
function valueAt(bytes: Uint8Array, { start, end }: Range, path: readonly string[]): StructValue | undefined {
  const reader = new ProtobufReader(bytes, start, end);
  if (path.length === 0) return readValue(reader, 0);
  let struct: Range | undefined;
  reader.eachField((field) => {
    struct = undefined;
    if (field === VALUE_STRUCT) struct = passRange(reader);
    else reader.skip(field);
  });
  return struct && structAt(bytes, struct, path);
}

function eachEntry(reader: ProtobufReader, read: (entry: Entry) => void): void {
  reader.eachField((field) => {
    if (field !== FIELDS) return reader.skip(field);
    const outer = reader.enter();
    read(readEntry(reader));
    reader.leave(outer);
  });
}

function readStruct(reader: ProtobufReader, depth: number): StructObject {
  const fields = new Map<string, StructValue>();
  eachEntry(reader, ({ key, value }) => {
    fields.set(key, readValue(new ProtobufReader(reader.bytes, value.start, value.end), depth));
  });
  // Defines properties, so that a field named "__proto__" is one like any other.
  return Object.fromEntries(fields);
}

function readValue(reader: ProtobufReader, depth: number): StructValue {
  if (depth > DEPTH_MAX) throw new ProtobufError(`Struct nested deeper than ${DEPTH_MAX}`);
  let value: StructValue = null;
  reader.eachField((field) => {
    if (field === VALUE_STRING) value = reader.string();
    else if (field === VALUE_NUMBER) value = reader.double();
    else if (field === VALUE_BOOL) value = reader.bool();
    else if (field === VALUE_STRUCT || field === VALUE_LIST) {
      const outer = reader.enter();
      value = field === VALUE_STRUCT ? readStruct(reader, depth + 1) : readList(reader, depth + 1);
      reader.leave(outer);
    } else {
      if (field === VALUE_NULL) value = null;
      reader.skip(field);
    }
  });
  return value;
}

function readList(reader: ProtobufReader, depth: number): StructValue[] {
  const values: StructValue[] = [];
  reader.eachField((field) => {
    if (field !== LIST_VALUES) return reader.skip(field);
    const outer = reader.enter();
    values.push(readValue(reader, depth));
    reader.leave(outer);
  });
  return values;
}
