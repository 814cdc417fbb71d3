/** The calls of the admin port that make, list, rotate and revoke keys. */
import type { IncomingMessage } from "node:http";
import { durationMs } from "../resources/duration.ts";
import type { Source } from "../resources/load.ts";
import { type KeyFolder, KeyFolderError } from "./key-folder.ts";

/** Where keys are managed. */
export interface KeyCalls {
  readonly folder: KeyFolder;
  /** What is wrong with a further file of the configuration; undefined = nothing. */
  readonly check: (file: Source) => Promise<string | undefined>;
}

/** An answer of these calls. */
export interface KeysAnswer {
  readonly status: number;
  /** To be told as JSON. */
  readonly document: object;
  /** For 405. */
  readonly allow?: string;
}

const BODY_BYTES_MAX = 64 * 1024;
/** How long the old secret of a rotated key stays good unless told. */
const KEEP_OLD_FOR = "24h";
const NO_FOLDER = "keys are not managed here: start the gateway with --keys FOLDER";
const KEY_PATH = /^\/keys\/([^/]+)\/([^/]+)(\/rotate)?$/;

/** Whether a path is one of these calls'. */
export function isKeysPath(path: string): boolean {
  return path === "/keys" || path.startsWith("/keys/");
}

/**
 * Answers one of these calls.
 *
 * @param calls Undefined where keys are not managed.
 */
export async function answerKeys(
  request: IncomingMessage,
  path: string,
  calls: KeyCalls | undefined,
): Promise<KeysAnswer> {
  const { method = "" } = request;
  const [, namespace = "", name = "", rotate] = KEY_PATH.exec(path) ?? [];
  const allow = allowed(path, name, rotate !== undefined);
  if (allow === undefined) return problem(404, "no such call");
  if (!allow.split(", ").includes(method)) return { ...problem(405, `only ${allow}`), allow };
  if (calls === undefined) return problem(409, NO_FOLDER);
  const { folder, check } = calls;
  try {
    if (method === "GET") return { status: 200, document: { keys: folder.list() } };
    if (method === "DELETE") {
      folder.revoke({ namespace, name });
      return { status: 200, document: { namespace, name, revoked: true } };
    }
    const body = await readJson(request);
    if (rotate === undefined) return { status: 201, document: await folder.create(keyRequest(body), check) };
    return { status: 200, document: folder.rotate({ namespace, name }, keepOldForMs(body)) };
  } catch (error) {
    if (error instanceof KeyFolderError || error instanceof BodyError) return problem(error.status, error.message);
    throw error;
  }
}

function allowed(path: string, name: string, isRotation: boolean): string | undefined {
  if (path === "/keys") return "GET, POST";
  if (name === "") return undefined;
  return isRotation ? "POST" : "DELETE";
}

function problem(status: number, error: string): KeysAnswer {
  return { status, document: { error } };
}

/** What is wrong with a request's body. */
class BodyError extends Error {
  override readonly name = "BodyError";
  readonly status: 400 | 413 | 415;

  constructor(status: 400 | 413 | 415, message: string) {
    super(message);
    this.status = status;
  }
}

type Body = Readonly<Record<string, unknown>>;

/** Another type than JSON could be sent by any web page without asking (https://fetch.spec.whatwg.org/#cors-protocol). */
async function readJson(request: IncomingMessage): Promise<Body> {
  const type = request.headers["content-type"] ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) throw new BodyError(415, "the content-type must be application/json");
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > BODY_BYTES_MAX) throw new BodyError(413, `the body is larger than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk as Buffer);
  }
  const body = parsed(Buffer.concat(chunks).toString() || "{}");
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new BodyError(400, "the body must be a JSON object");
  }
  return body as Body;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BodyError(400, "the body is not JSON");
  }
}

function keyRequest({ namespace, name, ...spec }: Body) {
  // Whoever could bring a hash along could bring one of a key they know, or of another's.
  if ("hashes" in spec) throw new BodyError(400, "hashes: must not be given, they are made here");
  return { namespace: text("namespace", namespace), name: text("name", name), spec };
}

function text(field: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw new BodyError(400, `${field}: must be a text`);
}

function keepOldForMs({ keepOldFor = KEEP_OLD_FOR, ...others }: Body): number {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new BodyError(400, `${unknown}: is no field of this call`);
  const ms = typeof keepOldFor === "string" ? durationMs(keepOldFor) : undefined;
  if (ms === undefined) throw new BodyError(400, "keepOldFor: must be a duration such as 24h or 0s");
  return ms;
}
