import type { BodyMutation } from "../config/runtime-config.ts";
import { JsonScanError, skipValue } from "../wire/json-scan.ts";
import { endOfContent, removeItem, splice, startOfContent } from "../wire/json-splice.ts";
import { type Path, parsePath, type Step } from "./path.ts";

const COMMA = 0x2c;
const COLON = 0x3a;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
const BYTE_ORDER_MARK = 0xef;

/** A change to one place of a body; without `json` a removal. */
interface Edit {
  readonly path: Path;
  readonly json: string | undefined;
}

/** A body mutation in the order it is applied: paths parsed, values written as JSON. */
export type PreparedBodyMutation = readonly Edit[];

/** Prepares a body mutation; a value that is valid JSON goes in as it is, any other as a JSON string. */
export function prepareBodyMutation(mutation: BodyMutation): PreparedBodyMutation {
  return [
    ...mutation.remove.map((path) => ({ path: parsePath(path), json: undefined })),
    ...mutation.set.map(({ path, value }) => ({ path: parsePath(path), json: toJson(value) })),
  ];
}

function toJson(value: string): string {
  try {
    JSON.parse(value);
    return value;
  } catch {
    // Not JSON, so it is meant as text.
    return JSON.stringify(value);
  }
}

/**
 * Removes, then sets, on the raw bytes: only what a path names changes. Missing parents of what is set are made, arrays
 * where the path goes on with a position and objects elsewhere; a scalar in the way gives way to them. A body that is not
 * a JSON object stays as it is, and so does an array that is asked for a name.
 */
export function applyBodyMutation(body: Uint8Array, mutation: PreparedBodyMutation): Uint8Array {
  if (mutation.length === 0) return body;
  const root = startOfContent(body, body[0] === BYTE_ORDER_MARK ? 3 : 0);
  if (body[root] !== OBJECT_OPEN) return body;
  try {
    let edited = body;
    for (const edit of mutation) edited = editAt(edited, root, edit, 0);
    return edited;
  } catch (error) {
    // Broken JSON is the provider's to refuse; with half of the edits it would only be harder to see what was sent.
    if (error instanceof JsonScanError) return body;
    throw error;
  }
}

/** Applies the edit from its step `depth` on to the value that starts at `start`. */
function editAt(body: Uint8Array, start: number, edit: Edit, depth: number): Uint8Array {
  const { path, json } = edit;
  const step = path[depth] as Step;
  const container = readContainer(body, start);
  if (container === undefined) {
    return json === undefined ? body : splice(body, start, skipValue(body, start), build(path, depth, json));
  }
  const matches = select(container, step, json === undefined);
  if (matches.length === 0 && json !== undefined) return append(body, container, step, build(path, depth + 1, json));
  let edited = body;
  // From the back, so that the offsets of what is still to do stay true.
  for (const item of matches.reverse()) {
    if (depth + 1 < path.length) edited = editAt(edited, item.value, edit, depth + 1);
    else if (json === undefined) edited = removeItem(edited, item.start, item.end);
    else edited = splice(edited, item.value, item.end, json);
  }
  return edited;
}

/** An array element or an object member; `start` is the key's quote in an object and the value in an array. */
interface Item {
  readonly key: string;
  readonly start: number;
  readonly value: number;
  readonly end: number;
}

interface Container {
  readonly isArray: boolean;
  readonly items: readonly Item[];
  /** Position of the closing bracket. */
  readonly close: number;
}

/** Lists what the object or array at `start` holds; undefined when a scalar stands there. */
function readContainer(bytes: Uint8Array, start: number): Container | undefined {
  const isArray = bytes[start] === ARRAY_OPEN;
  if (!isArray && bytes[start] !== OBJECT_OPEN) return undefined;
  const closing = isArray ? ARRAY_CLOSE : OBJECT_CLOSE;
  const items: Item[] = [];
  let pos = startOfContent(bytes, start + 1);
  while (bytes[pos] !== closing) {
    if (items.length > 0) pos = startOfContent(bytes, expect(bytes, pos, COMMA));
    const item = isArray ? readElement(bytes, pos) : readMember(bytes, pos);
    items.push(item);
    pos = startOfContent(bytes, item.end);
  }
  return { isArray, items, close: pos };
}

/** Position after the byte that must stand at `pos`. */
function expect(bytes: Uint8Array, pos: number, byte: number): number {
  if (bytes[pos] !== byte) throw new JsonScanError("syntax", pos, `unexpected byte at ${pos}`);
  return pos + 1;
}

function readElement(bytes: Uint8Array, start: number): Item {
  return { key: "", start, value: start, end: skipValue(bytes, start) };
}

function readMember(bytes: Uint8Array, start: number): Item {
  const keyEnd = skipValue(bytes, start);
  const value = startOfContent(bytes, expect(bytes, startOfContent(bytes, keyEnd), COLON));
  return { key: readKey(bytes, start, keyEnd), start, value, end: skipValue(bytes, value) };
}

function readKey(bytes: Uint8Array, start: number, end: number): string {
  try {
    return JSON.parse(Buffer.prototype.utf8Slice.call(bytes, start, end)) as string;
  } catch {
    throw new JsonScanError("syntax", start, `bad escape in the key at byte ${start}`);
  }
}

/**
 * The items that the step names. All of them when a key is there twice, because parsers differ in which one they take.
 * A position of -1 names the last element of an array; what is set there comes after it, so nothing matches.
 */
function select({ isArray, items }: Container, { key, index }: Step, removing: boolean): Item[] {
  if (!isArray) return items.filter((item) => item.key === key);
  if (index === undefined || (index < 0 && !removing)) return [];
  const item = items.at(index);
  return item === undefined ? [] : [item];
}

/** Appends the value under the step's name, in an array with nulls up to its position. */
function append(body: Uint8Array, container: Container, { key, index }: Step, value: string): Uint8Array {
  const { isArray, items, close } = container;
  if (isArray && index === undefined) return body;
  const text = isArray
    ? "null,".repeat(Math.max(0, (index ?? 0) - items.length)) + value
    : `${JSON.stringify(key)}:${value}`;
  const end = endOfContent(body, close);
  return splice(body, end, end, items.length > 0 ? `,${text}` : text);
}

/** The value to set with the parents that the path has from `depth` on. */
function build(path: Path, depth: number, json: string): string {
  let text = json;
  for (const { key, index } of path.slice(depth).reverse()) {
    text = index === undefined ? `{${JSON.stringify(key)}:${text}}` : `[${"null,".repeat(Math.max(0, index))}${text}]`;
  }
  return text;
}
