/** Metric families of one process, and the plain data they are sent in to whoever answers a scrape. */
import { Histogram } from "./histogram.ts";

/** How the values of several processes become one. */
export type Merge = "sum" | "max" | "min";

/** Values of one label combination. */
export interface SeriesSnapshot {
  /** As in the exposition, without braces: `name="value",…`; "" = no labels. */
  readonly labels: string;
  /** One number; for a histogram the bucket counts, not cumulative, the one above the last bound, and the sum. */
  readonly values: readonly number[];
}

/** One metric with all its series. */
export interface FamilySnapshot {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly merge: Merge;
  /** Upper bounds of a histogram; empty otherwise. */
  readonly bounds: readonly number[];
  readonly series: readonly SeriesSnapshot[];
}

/** A number that is read when someone asks. */
export interface Cell {
  value: number;
}

/** The head of a family: what HELP and TYPE lines say. */
export interface FamilyHead {
  readonly name: string;
  readonly help: string;
}

/** A counter or gauge with labels. */
export class NumberFamily {
  readonly #head: FamilyHead;
  readonly #type: "counter" | "gauge";
  readonly #merge: Merge;
  readonly #series = new Map<string, Cell>();

  constructor(head: FamilyHead, type: "counter" | "gauge", merge: Merge = "sum") {
    this.#head = head;
    this.#type = type;
    this.#merge = merge;
  }

  /** The cell of a label combination; keep it rather than ask again. */
  series(labels: string): Cell {
    let cell = this.#series.get(labels);
    if (cell === undefined) {
      cell = { value: 0 };
      this.#series.set(labels, cell);
    }
    return cell;
  }

  snapshot(): FamilySnapshot {
    const series = Array.from(this.#series, ([labels, { value }]) => ({ labels, values: [value] }));
    return { ...this.#head, type: this.#type, merge: this.#merge, bounds: [], series };
  }
}

/** A histogram with labels. */
export class HistogramFamily {
  readonly #head: FamilyHead;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Histogram>();

  constructor(head: FamilyHead, bounds: readonly number[]) {
    this.#head = head;
    this.#bounds = bounds;
  }

  /** How many label combinations there are. */
  get size(): number {
    return this.#series.size;
  }

  /** The histogram of a label combination; keep it rather than ask again. */
  series(labels: string): Histogram {
    let histogram = this.#series.get(labels);
    if (histogram === undefined) {
      histogram = new Histogram(this.#bounds);
      this.#series.set(labels, histogram);
    }
    return histogram;
  }

  snapshot(): FamilySnapshot {
    const series = Array.from(this.#series, ([labels, histogram]) => ({ labels, values: histogram.values() }));
    return { ...this.#head, type: "histogram", merge: "sum", bounds: this.#bounds, series };
  }
}

/** A tree of maps from label values to what is kept for their combination: a look-up builds no key. */
export class LabelTree<T> {
  readonly #branches = new Map<string, LabelTree<T>>();
  leaf: T | undefined = undefined;

  /** The branch of a value, made when missing. */
  at(value: string): LabelTree<T> {
    let branch = this.#branches.get(value);
    if (branch === undefined) {
      branch = new LabelTree();
      this.#branches.set(value, branch);
    }
    return branch;
  }

  /** The branch of a value, or undefined. */
  peek(value: string): LabelTree<T> | undefined {
    return this.#branches.get(value);
  }
}

/** Renders labels in the given order; values may hold anything. */
export function renderLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeValue(value)}"`)
    .join(",");
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/#comments-help-text-and-type-information */
function escapeValue(value: string): string {
  return value.toWellFormed().replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
