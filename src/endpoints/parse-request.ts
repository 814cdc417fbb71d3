/** Reading of a JSON request body, shared by every endpoint that has one. */
import { GatewayError } from "../errors/gateway-error.ts";
import { countElements, JsonScanError, KeySet, type ScannedObject, scanObject, skipValue } from "../wire/json-scan.ts";
import { startOfContent } from "../wire/json-splice.ts";
import type { ParsedRequest } from "./endpoint.ts";

/** What a body is read for; one constant per endpoint. */
export interface BodyRules {
  /** Path suffix that error messages name, e.g. `/v1/chat/completions`. */
  readonly suffix: string;
  /** Top-level keys of which the place is kept. */
  readonly keys: KeySet;
  /** Whether a body can ask for a stream: by `stream`, or by a text in a key of its own. */
  readonly streams: boolean | { readonly key: string; readonly value: string };
  /** How a body limits the tokens of its answer; undefined = answers have no output that is counted in tokens. */
  readonly output: OutputRules | undefined;
}

/** Keys of numbers; what is no number from 0 is as if it were not there. */
export interface OutputRules {
  /** Of these the largest is the limit. */
  readonly caps: readonly string[];
  /** How many answers are made, of which each may be as long; the largest counts. */
  readonly copies: readonly string[];
  /** Key of what is answered, where that can be a list; every element has answers of its own, but tokens are one prompt. */
  readonly prompts?: string;
}

/** How many answers are asked for, and how long they may be together; undefined = not said. */
export interface OutputAsked {
  readonly answers: number;
  readonly outputTokensMax: number | undefined;
}

const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const NO_OUTPUT: OutputAsked = { answers: 0, outputTokensMax: 0 };
const STREAM_OPTIONS_KEYS = new KeySet(["include_usage"]);

/**
 * Reads model and stream flags of a body. Only what routing and metering need is checked: everything else is the
 * provider's to judge, so that fields newer than this code pass.
 *
 * @throws GatewayError `invalid_request`.
 */
export function parseRequest(rules: BodyRules, body: Uint8Array, contentType: string | undefined): ParsedRequest {
  if (contentType !== undefined && isMultipart(contentType)) {
    throw new GatewayError("invalid_request", "malformed request: multipart body not supported for this endpoint");
  }
  if (body.length === 0) throw malformed(rules, "the body is empty");
  try {
    const scanned = scanObject(body, rules.keys);
    const { answers, outputTokensMax } = rules.output === undefined ? NO_OUTPUT : readOutput(rules.output, scanned);
    return {
      model: readModel(rules, scanned),
      stream: readStream(rules, scanned),
      includeUsage: readIncludeUsage(rules, scanned),
      answers,
      outputTokensMax,
      scanned,
    };
  } catch (error) {
    if (error instanceof JsonScanError) throw malformed(rules, reasonOf(error, body), error);
    throw error;
  }
}

/** Reads what a body asks of output. */
export function readOutput({ caps, copies, prompts }: OutputRules, scanned: ScannedObject): OutputAsked {
  const cap = largest(caps, scanned);
  let answers = Math.max(1, largest(copies, scanned) ?? 1);
  if (prompts !== undefined) answers *= countPrompts(prompts, scanned);
  return { answers, outputTokensMax: cap === undefined ? undefined : cap * answers };
}

function countPrompts(key: string, scanned: ScannedObject): number {
  if (scanned.kind(key) !== "array") return 1;
  const { bytes } = scanned;
  const first = bytes[startOfContent(bytes, scanned.start(key) + 1)] as number;
  return first === MINUS || (first >= ZERO && first <= NINE)
    ? 1
    : Math.max(1, countElements(bytes, scanned.start(key)));
}

/** The largest number at these keys; what is no number from 0 is as if it were not there. */
export function largest(keys: readonly string[], scanned: ScannedObject): number | undefined {
  let found: number | undefined;
  for (const key of keys) {
    if (scanned.kind(key) !== "number") continue;
    const value = Number(scanned.json(key));
    if (value >= 0 && value > (found ?? -1)) found = value;
  }
  return found;
}

/** The gateway's 400 for a body that cannot be read. */
function malformed(rules: BodyRules, reason: string, cause?: unknown): GatewayError {
  return new GatewayError("invalid_request", `malformed request: failed to parse JSON for ${rules.suffix}: ${reason}`, {
    cause,
  });
}

/** The scanner's reason; for a member that is given twice (or again in other case) with its name as the body has it. */
function reasonOf(error: JsonScanError, bytes: Uint8Array): string {
  if (error.kind !== "duplicate") return error.message;
  const name = Buffer.from(bytes.subarray(error.offset, skipValue(bytes, error.offset))).toString();
  return `${name} is given twice, again at byte ${error.offset}`;
}

/** Whether a body is a form; media types are case-insensitive (RFC 9110 section 8.3.1). */
export function isMultipart(contentType: string): boolean {
  return contentType.trimStart().slice(0, 19).toLowerCase() === "multipart/form-data";
}

function readModel(rules: BodyRules, scanned: ScannedObject): string {
  const kind = scanned.kind("model");
  if (kind === "absent" || kind === "null") return "";
  const model = scanned.string("model");
  if (model === undefined) throw malformed(rules, `"model" must be a string, not ${withArticle(kind)}`);
  return model;
}

function readStream(rules: BodyRules, scanned: ScannedObject): boolean {
  const { streams } = rules;
  if (typeof streams === "object") return scanned.string(streams.key) === streams.value;
  return streams && readFlag(rules, scanned, "stream", "stream");
}

/** A boolean of the caller's; `null` is false, as the vendors' own schemas have these fields nullable. */
function readFlag(rules: BodyRules, scanned: ScannedObject, key: string, shown: string): boolean {
  const kind = scanned.kind(key);
  if (kind === "absent" || kind === "null") return false;
  const flag = scanned.boolean(key);
  if (flag === undefined) throw malformed(rules, `"${shown}" must be a boolean, not ${withArticle(kind)}`);
  return flag;
}

/** https://platform.openai.com/docs/api-reference/chat/create#chat-create-stream_options */
function readIncludeUsage(rules: BodyRules, scanned: ScannedObject): boolean {
  if (!rules.keys.keys.includes("stream_options")) return false;
  const kind = scanned.kind("stream_options");
  if (kind === "absent" || kind === "null") return false;
  if (kind !== "object") throw malformed(rules, `"stream_options" must be an object, not ${withArticle(kind)}`);
  const bytes = scanned.bytes.subarray(scanned.start("stream_options"), scanned.end("stream_options"));
  const options = scanStreamOptions(rules, bytes);
  return readFlag(rules, options, "include_usage", "stream_options.include_usage");
}

/** Scans with an error of its own, as offsets count from the inner object's start. */
function scanStreamOptions(rules: BodyRules, bytes: Uint8Array): ScannedObject {
  try {
    return scanObject(bytes, STREAM_OPTIONS_KEYS);
  } catch (error) {
    if (error instanceof JsonScanError) throw malformed(rules, `in "stream_options": ${reasonOf(error, bytes)}`, error);
    throw error;
  }
}

function withArticle(kind: string): string {
  return kind === "object" || kind === "array" ? `an ${kind}` : `a ${kind}`;
}
