/** GatewayKeys in the files of a folder, which is part of the configuration: who changes a file changes who may call. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type Document, parseAllDocuments } from "yaml";
import { type KeyRequest, keyFaults, keyResource, keyYaml, newKey } from "../caller-auth/issue-key.ts";
import { keyDigest } from "../caller-auth/prepare.ts";
import type { Source } from "../resources/load.ts";

/** Files and folder are for the gateway's user alone. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** As many as a GatewayKey may have. */
const HASHES_MAX = 8;

/** What cannot be done, and the HTTP status that says so. */
export class KeyFolderError extends Error {
  override readonly name = "KeyFolderError";
  readonly status: 400 | 404 | 409;

  constructor(status: 400 | 404 | 409, message: string) {
    super(message);
    this.status = status;
  }
}

/** Which key is meant. */
export interface KeyName {
  readonly namespace: string;
  readonly name: string;
}

/** A key that was just made: it is never seen again. */
export interface NewKey extends KeyName {
  readonly key: string;
}

/** A key without its hashes. */
export type ListedKey = KeyName & Readonly<Record<string, unknown>>;

/** A hash as it is written. */
interface WrittenHash {
  readonly sha256?: string;
  readonly expiresAt?: string;
}

/** A key in its file. */
interface Found {
  readonly file: string;
  readonly documents: readonly Document[];
  readonly document: Document;
  readonly value: WrittenKey;
}

interface WrittenKey {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: { readonly hashes?: readonly WrittenHash[]; readonly revoked?: boolean; readonly expiresAt?: string };
}

/** The keys of a folder. */
export class KeyFolder {
  readonly path: string;
  /** Unix milliseconds. */
  readonly #now: () => number;

  /** Makes the folder if there is none. */
  constructor(path: string, now: () => number) {
    this.path = path;
    this.#now = now;
    mkdirSync(path, { recursive: true, mode: FOLDER_MODE });
  }

  /** The files as configuration; none in a folder that is empty. */
  read(): Source[] {
    return this.#files().map((name) => ({ name, text: readFileSync(name, "utf8") }));
  }

  list(): ListedKey[] {
    return this.#all().map(({ value }) => {
      const { hashes = [], revoked = false, ...rest } = value.spec;
      const secrets = hashes.map(({ expiresAt }) => ({ expiresAt }));
      return { ...nameOf(value), ...rest, revoked, secrets };
    });
  }

  /**
   * Makes a key and its file.
   *
   * @param check Says what is wrong with the file as a part of the whole configuration; undefined = nothing.
   */
  async create(request: KeyRequest, check: (file: Source) => Promise<string | undefined>): Promise<NewKey> {
    const key = newKey();
    const resource = keyResource(key, request);
    const [fault] = keyFaults(resource);
    if (fault !== undefined) throw new KeyFolderError(400, fault);
    const { namespace, name } = resource.metadata;
    if (this.#find({ namespace, name }) !== undefined) throw taken({ namespace, name });
    const file = { name: join(this.path, `${namespace}.${name}.yaml`), text: keyYaml(resource) };
    const refusal = await check(file);
    if (refusal !== undefined) throw new KeyFolderError(400, refusal);
    this.#write(file.name, file.text, () => taken({ namespace, name }));
    return { namespace, name, key };
  }

  /**
   * Makes another secret of a key.
   *
   * @param keepOldForMs How long those that it has are good for.
   */
  rotate(wanted: KeyName, keepOldForMs: number): NewKey {
    const found = this.#named(wanted);
    const { hashes = [], revoked, expiresAt } = found.value.spec;
    const now = this.#now();
    if (revoked) throw new KeyFolderError(409, "the key is revoked: make another one");
    if (isOver(expiresAt, now)) throw new KeyFolderError(409, "the key has expired: make another one");
    const end = new Date(now + keepOldForMs).toISOString();
    const kept = hashes
      .filter((hash) => !isOver(hash.expiresAt, now) && keepOldForMs > 0)
      .map((hash) => ({ ...hash, expiresAt: earlier(hash.expiresAt, end) }));
    if (kept.length >= HASHES_MAX)
      throw new KeyFolderError(409, `the key has ${HASHES_MAX} secrets that are still good`);
    const key = newKey();
    this.#change(found, "hashes", [...kept, { sha256: keyDigest(key) }]);
    return { ...nameOf(found.value), key };
  }

  /** Takes a key out of use; its file stays, so that it is known who had it. */
  revoke(wanted: KeyName): void {
    const found = this.#named(wanted);
    if (found.value.spec.revoked !== true) this.#change(found, "revoked", true);
  }

  #change({ file, documents, document }: Found, field: string, value: unknown): void {
    document.setIn(["spec", field], document.createNode(value));
    const texts = documents.map((one) => one.toString({ lineWidth: 0 }));
    this.#write(file, texts.map((text, i) => (i === 0 || text.startsWith("---") ? text : `---\n${text}`)).join(""));
  }

  #named(wanted: KeyName): Found {
    const found = this.#find(wanted);
    if (found === undefined) throw new KeyFolderError(404, "there is no such key in the folder of keys");
    return found;
  }

  #find({ namespace, name }: KeyName): Found | undefined {
    return this.#all().find(({ value }) => {
      const has = nameOf(value);
      return has.namespace === namespace && has.name === name;
    });
  }

  #all(): Found[] {
    return this.read().flatMap(({ name: file, text }) => {
      const documents: Document[] = parseAllDocuments(text);
      return documents.flatMap((document) => {
        const value: unknown = document.toJS();
        return isKey(value) ? [{ file, documents, document, value }] : [];
      });
    });
  }

  #files(): string[] {
    const names = readdirSync(this.path).filter((name) => name.endsWith(".yaml") && !name.startsWith("."));
    return names.sort().map((name) => join(this.path, name));
  }

  /**
   * Writes a file as a whole: it is seen as it was or as it is to be.
   *
   * @param exists What to throw where there is one of that name; undefined = it is replaced.
   */
  #write(file: string, text: string, exists?: () => Error): void {
    const temporary = join(this.path, `.${randomBytes(8).toString("hex")}.tmp`);
    try {
      const handle = openSync(temporary, "wx", FILE_MODE);
      try {
        writeSync(handle, text);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
      if (exists === undefined) renameSync(temporary, file);
      else linkSync(temporary, file);
    } catch (error) {
      throw exists !== undefined && (error as NodeJS.ErrnoException).code === "EEXIST" ? exists() : error;
    } finally {
      rmSync(temporary, { force: true });
    }
  }
}

function taken({ namespace, name }: KeyName): KeyFolderError {
  return new KeyFolderError(409, `there is a key ${namespace}/${name}: rotate it, or take another name`);
}

function isKey(value: unknown): value is WrittenKey {
  const { kind, metadata, spec } = (value ?? {}) as { kind?: unknown; metadata?: unknown; spec?: unknown };
  if (kind !== "GatewayKey" || typeof spec !== "object" || spec === null) return false;
  return typeof metadata === "object" && metadata !== null && "name" in metadata;
}

function nameOf({ metadata: { namespace = "default", name } }: WrittenKey): KeyName {
  return { namespace, name };
}

function isOver(time: string | undefined, now: number): boolean {
  return time !== undefined && Date.parse(time) <= now;
}

function earlier(time: string | undefined, other: string): string {
  return time === undefined || Date.parse(other) < Date.parse(time) ? other : time;
}
