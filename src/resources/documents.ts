/** Reads YAML (and JSON, which YAML contains) into objects with their places; every syntax fault of every document. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Scalar,
  visit,
  type YAMLError,
} from "yaml";
import type { Fault } from "../errors/config-error.ts";
import type { Source } from "./load.ts";
import { YamlOrigin } from "./positions.ts";

/** One object as it stands in a source, not yet checked. */
export interface RawObject {
  readonly origin: YamlOrigin;
  /** Texts as written of scalars in which variables were replaced. */
  readonly originals: WeakMap<Scalar, string>;
  /** What the list it stands in says of its items. */
  readonly inList: { readonly apiVersion: string | undefined; readonly kind: string } | undefined;
  /** Makes plain data of it; throws ReferenceError for aliases that lead nowhere, in circles or to a flood. */
  value(): unknown;
}

/** What a source holds. */
export interface Documents {
  readonly objects: readonly RawObject[];
  readonly faults: readonly Fault[];
  /** Whether some document could not be read, so that objects may be missing. */
  readonly incomplete: boolean;
}

/** Larger files are refused unparsed: parsing takes about a second per MiB, in which a serving process would stand still. */
const SOURCE_CHARS_MAX = 4 * 1024 * 1024;
/** Aliases that one object may resolve to, multiplied out; the `yaml` package's own default. */
const ALIASES_MAX = 100;

/** Reads a source. */
export function readDocuments(source: Source): Documents {
  const unreadable = (reason: string): Documents => ({
    objects: [],
    faults: [{ source: { file: source.name, line: 1, column: 1 }, path: "YAML", reason }],
    incomplete: true,
  });
  if (source.text.length > SOURCE_CHARS_MAX) return unreadable("is larger than 4 MiB; split it into several files");
  const lines = new LineCounter();
  let documents: Document.Parsed[];
  try {
    documents = [...parseAllDocuments(source.text, { lineCounter: lines, prettyErrors: false, merge: true })];
  } catch (error) {
    // The parser recurses: text nested some thousand levels deep ends its stack.
    if (!(error instanceof RangeError)) throw error;
    return unreadable("is nested too deeply");
  }
  const faults = documents.flatMap((document) => {
    // What follows the first error of a broken document only says in other words that it is broken.
    const broken = document.errors.find((error) => !isDuplicateKey(error));
    const errors = broken === undefined ? document.errors : [...document.errors.filter(isDuplicateKey), broken];
    return errors.map((error) => syntaxFault(source, lines, document, error));
  });
  const readable = documents.filter((document) => document.errors.every(isDuplicateKey));
  const objects = readable.flatMap((document) => objectsOf(source.name, lines, document));
  return { objects, faults, incomplete: readable.length < documents.length };
}

function isDuplicateKey(error: YAMLError): boolean {
  return error.code === "DUPLICATE_KEY";
}

function syntaxFault({ name, text }: Source, lines: LineCounter, document: Document, error: YAMLError): Fault {
  const [offset] = error.pos;
  const { line, col } = lines.linePos(offset);
  const atVariable = text.slice(offset - 1, offset + 1) === "${";
  return {
    source: { file: name, line, column: col },
    path: headOf(document),
    reason: atVariable ? VARIABLE_IN_FLOW : syntaxReason(error),
  };
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: it is what users write
const VARIABLE_IN_FLOW = 'between { } and [ ] a variable must stand in quotes: "${NAME}"';

function syntaxReason(error: YAMLError): string {
  if (isDuplicateKey(error)) return "this field is given twice in the same object; remove one";
  // Only the sentence: the place is told apart from it.
  return `the YAML is broken: ${error.message.split("\n")[0]}`;
}

/** `Kind namespace/name` as far as a document can be read. */
function headOf(document: Document): string {
  const { contents } = document;
  const text = (path: string[]) => {
    const value = isMap(contents) ? contents.getIn(path) : undefined;
    return typeof value === "string" ? value : undefined;
  };
  const kind = text(["kind"]);
  const name = text(["metadata", "name"]);
  if (kind === undefined) return "YAML";
  return name === undefined ? kind : `${kind} ${text(["metadata", "namespace"]) ?? "default"}/${name}`;
}

/** The objects of a document: none when it is empty, the items of a list, else itself. */
function objectsOf(file: string, lines: LineCounter, document: Document): RawObject[] {
  const originals = new WeakMap<Scalar, string>();
  const rawObject = (node: Node, inList: RawObject["inList"]): RawObject => ({
    origin: new YamlOrigin(file, lines, document, node),
    originals,
    inList,
    value: () => toPlain(node, document),
  });
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return [];
  const kind = isMap(root) ? root.get("kind") : undefined;
  const items = isMap(root) ? root.get("items", true) : undefined;
  if (typeof kind !== "string" || !kind.endsWith("List") || !isSeq(items)) return [rawObject(root, undefined)];
  const apiVersion = isMap(root) ? root.get("apiVersion") : undefined;
  // A plain `List` says nothing of its items; a `BackendList` does.
  const inList =
    kind === "List"
      ? undefined
      : { kind: kind.slice(0, -"List".length), apiVersion: typeof apiVersion === "string" ? apiVersion : undefined };
  return items.items.map((item) => rawObject(item as Node, inList));
}

function toPlain(node: Node, document: Document): unknown {
  const value: unknown = node.toJS(document, { maxAliasCount: ALIASES_MAX });
  if (hasAlias(node) && isCircular(value, new Set())) throw new ReferenceError("an alias leads back into itself");
  return value;
}

function hasAlias(node: Node): boolean {
  let found = false;
  visit(node, {
    Alias: () => {
      found = true;
      return visit.BREAK;
    },
  });
  return found || isAlias(node);
}

function isCircular(value: unknown, above: Set<unknown>): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (above.has(value)) return true;
  above.add(value);
  const circular = Object.values(value).some((member) => isCircular(member, above));
  above.delete(value);
  return circular;
}
