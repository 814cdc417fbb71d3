/** Finds the place of a field in YAML text: the way along the document's nodes, then from character to line and column. */
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type LineCounter, type Node, type Scalar } from "yaml";
import type { Position } from "../errors/config-error.ts";
import type { FieldPath, Origin } from "./resource.ts";

/** Merge keys that are followed one within the other; they may lead in circles. */
const MERGES_MAX = 8;

/** Where an object stands in its file. */
export class YamlOrigin implements Origin {
  readonly file: string;
  readonly node: Node;
  readonly #lines: LineCounter;
  readonly #document: Document;

  constructor(file: string, lines: LineCounter, document: Document, node: Node) {
    this.file = file;
    this.node = node;
    this.#lines = lines;
    this.#document = document;
  }

  at(path: FieldPath): Position {
    return this.#position(this.#find(path).offset);
  }

  /** Place of the name of a field, where `at` gives that of its value. */
  ofName(path: FieldPath): Position {
    return this.#position(this.#find(path).nameOffset);
  }

  /** The scalar at exactly this path, or undefined. */
  scalarAt(path: FieldPath): Scalar | undefined {
    const { node } = this.#find(path);
    return isScalar(node) ? node : undefined;
  }

  #position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    // An empty file has no lines to count.
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  /** Follows a path as far as it goes. */
  #find(path: FieldPath): { node: Node | undefined; offset: number; nameOffset: number } {
    let node: Node | undefined = this.#resolve(this.node);
    let offset = startOf(this.node, 0);
    let nameOffset = offset;
    for (const step of path) {
      const next = this.#step(node, step);
      if (next === undefined) return { node: undefined, offset, nameOffset };
      nameOffset = startOf(next.key, startOf(next.value, offset));
      offset = isEmpty(next.value) ? nameOffset : startOf(next.value, nameOffset);
      node = this.#resolve(next.value);
    }
    return { node, offset, nameOffset };
  }

  /** The member of a node, found behind merge keys as well; `merges` is how many of these may still be followed. */
  #step(
    node: Node | undefined,
    step: string | number,
    merges = MERGES_MAX,
  ): { key: unknown; value: unknown } | undefined {
    if (isSeq(node) && typeof step === "number" && step < node.items.length) {
      const value = node.items[step];
      return { key: value, value };
    }
    if (!isMap(node)) return undefined;
    const own = node.items.find(({ key }) => keyText(key) === step);
    if (own !== undefined) return own;
    for (const { key, value } of node.items) {
      if (!isMergeKey(key) || merges === 0) continue;
      const merged = this.#resolve(value);
      const maps = isSeq(merged) ? merged.items.map((item) => this.#resolve(item)) : [merged];
      for (const map of maps) {
        const found = isMap(map) ? this.#step(map, step, merges - 1) : undefined;
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  #resolve(node: unknown): Node | undefined {
    if (isAlias(node)) return node.resolve(this.#document);
    return isNode(node) ? node : undefined;
  }
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : "";
}

function startOf(node: unknown, fallback: number): number {
  return isNode(node) && node.range ? node.range[0] : fallback;
}

/** The YAML 1.1 merge key (https://yaml.org/type/merge.html). */
function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.source === "<<";
}

/** Nothing is written, so there is no better place than the name. */
function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && (node.source === "" || node.range?.[0] === node.range?.[1]));
}
