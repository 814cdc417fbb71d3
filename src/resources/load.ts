/**
 * The objects users write, from text to checked objects. `readSources` does the reading, everything else here is pure:
 * sources can be sent to other processes, which make the same objects of them.
 */
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, type Fault, type Position } from "../errors/config-error.ts";
import { readDocuments } from "./documents.ts";
import { inOrder } from "./field-path.ts";
import { ObjectReader } from "./object-reader.ts";
import type { Notice } from "./resource.ts";
import { createResourceSet, type ResourceSet } from "./resource-set.ts";
import type { ReadFile } from "./secret.ts";
import type { Environment } from "./substitute.ts";

/** Text of a configuration file. */
export interface Source {
  /** File name as the user gave it, or `<environment>`. */
  readonly name: string;
  readonly text: string;
}

/** An object of a kind that this build does not read. */
export interface IgnoredResource {
  /** With its group, e.g. `gateway.envoyproxy.io/v1alpha1 EnvoyProxy`. */
  readonly kind: string;
  /** `namespace/name`. */
  readonly id: string;
  readonly source: Position;
}

/** What the sources hold. */
export interface ParsedResources {
  readonly set: ResourceSet;
  readonly faults: readonly Fault[];
  readonly ignored: readonly IgnoredResource[];
  readonly notices: readonly Notice[];
}

const EXTENSIONS = [".yaml", ".yml", ".json"];

/**
 * Reads files, and of folders the `.yaml`, `.yml` and `.json` files right in them, sorted by name.
 *
 * @throws ConfigError with every path that cannot be read.
 */
export function readSources(paths: readonly string[]): Source[] {
  const faults: Fault[] = [];
  const sources = paths.flatMap((path) => {
    try {
      return filesOf(path).map((file): Source => ({ name: file, text: readFileSync(file, "utf8") }));
    } catch (error) {
      faults.push({ source: { file: path, line: 1, column: 1 }, path: "file", reason: reasonOf(error) });
      return [];
    }
  });
  if (faults.length > 0) throw new ConfigError(faults);
  return sources;
}

function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const files = readdirSync(path, { withFileTypes: true })
    .filter((entry) => isConfiguration(path, entry))
    .map((entry) => join(path, entry.name))
    .sort();
  if (files.length === 0) throw new Error(`the folder has no ${EXTENSIONS.join(", ")} file`);
  return files;
}

/** Mounted ConfigMaps are folders of symbolic links, so links count as what they lead to. */
function isConfiguration(folder: string, entry: Dirent): boolean {
  if (entry.name.startsWith(".") || !EXTENSIONS.some((extension) => entry.name.endsWith(extension))) return false;
  return entry.isFile() || (entry.isSymbolicLink() && statSync(join(folder, entry.name)).isFile());
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "there is no such file or folder";
  if (code === "EACCES") return "may not be read by this user";
  return error instanceof Error ? error.message : String(error);
}

/**
 * Makes objects of sources: checked, with defaults and variables filled in.
 *
 * @param readFile Reads the files that Secrets name.
 */
export function parseResources(sources: readonly Source[], env: Environment, readFile: ReadFile): ParsedResources {
  const reader = new ObjectReader(env, readFile);
  const faults: Fault[] = [];
  let incomplete = false;
  for (const source of sources) {
    const documents = readDocuments(source);
    faults.push(...documents.faults);
    incomplete ||= documents.incomplete;
    for (const object of documents.objects) reader.read(object);
  }
  return {
    set: createResourceSet(reader.resources, reader.broken, incomplete),
    faults: inOrder([...faults, ...reader.faults]),
    ignored: reader.ignored,
    notices: inOrder(reader.notices),
  };
}
