/**
 * The access log: one line of JSON for every settled request, whatever its end. The line is a template, not an object
 * that is serialised: the fields are known, and only texts that callers or providers chose can need an escape.
 * docs/observability.md lists the fields.
 */
import type { TokenUsage } from "../usage/token-usage.ts";
import { escapeText } from "./escape-text.ts";
import { LINE_BYTES_MAX, type LineWriter } from "./line-writer.ts";
import type { RequestRecord, RequestSink } from "./request-record.ts";

/** Longest text of one field, and the same for a line that would be longer than {@link LINE_BYTES_MAX}. */
const TEXT_LENGTH_MAX = 512;
const TIGHT_TEXT_LENGTH_MAX = 128;

/** Room for the costs of a line; more than some thirty cost rules fill it. */
const COSTS_LENGTH_MAX = 1024;

/** Longest number with what surrounds it. */
const NUMBER_LENGTH_MAX = 30;

/** How many backends' parts are kept; more than any configuration has in use at a time. */
const PARTS_MAX = 1000;

/** The part of a line that most requests to a backend share, and what it was made of. */
interface SharedPart {
  readonly method: string;
  readonly path: string;
  readonly endpoint: string;
  readonly operation: string;
  readonly route: string;
  readonly rule: string;
  readonly provider: string;
  readonly members: string;
}

/** Writes settled requests as lines of printable ASCII, at most {@link LINE_BYTES_MAX} bytes with the newline. */
export class AccessLog implements RequestSink {
  readonly #lines: Pick<LineWriter, "append">;
  /** The part made last for each backend. */
  readonly #parts = new Map<string, SharedPart>();

  constructor(lines: Pick<LineWriter, "append">) {
    this.#lines = lines;
  }

  settle(record: RequestRecord): void {
    let line = `${renderOwn(record, TEXT_LENGTH_MAX)}${this.#shared(record)}}\n`;
    if (line.length > LINE_BYTES_MAX) {
      const shared = renderShared(record, TIGHT_TEXT_LENGTH_MAX);
      line = `${renderOwn(record, TIGHT_TEXT_LENGTH_MAX)}${shared},"truncated":true}\n`;
    }
    this.#lines.append(line);
  }

  #shared(record: RequestRecord): string {
    const { backend, method, path, endpoint, operation, route, rule, provider } = record;
    const part = this.#parts.get(backend);
    if (
      part !== undefined &&
      part.method === method &&
      part.path === path &&
      part.endpoint === endpoint &&
      part.operation === operation &&
      part.route === route &&
      part.rule === rule &&
      part.provider === provider
    ) {
      return part.members;
    }
    const members = renderShared(record, TEXT_LENGTH_MAX);
    if (this.#parts.size >= PARTS_MAX) this.#parts.clear();
    this.#parts.set(backend, { method, path, endpoint, operation, route, rule, provider, members });
    return members;
  }
}

/**
 * What differs from request to request. What is not known of a request has no member. Every step appends to the line:
 * a text made of parts that were joined elsewhere takes twice as long to write out.
 */
function renderOwn(record: RequestRecord, textMax: number): string {
  const { firstByteMs, attemptMs, startMs } = record;
  let line =
    `{"start_time":"${isoTime(record.startedAt)}","request_id":"${escapeText(record.requestId, textMax)}"` +
    `,"status":${record.status},"outcome":"${record.outcome}","duration_ms":${millis(record.endMs - startMs)}`;
  if (firstByteMs > 0) line = `${line},"ttft_ms":${millis(firstByteMs - startMs)}`;
  if (attemptMs > 0) line = `${line},"attempt_ms":${millis(attemptMs - startMs)}`;
  line = text(line, ',"error.type":"', record.errorType, textMax);
  line = text(line, ',"error.message":"', record.errorMessage, textMax);
  line = count(line, ',"upstream_status":', record.upstreamStatus || undefined);
  line =
    `${line},"attempts":${record.attempts},"stream":${record.stream},"events":${record.events}` +
    `,"request_bytes":${record.requestBytes},"response_bytes":${record.responseBytes}`;
  line = text(line, ',"gen_ai.original.model":"', record.originalModel, textMax);
  line = text(line, ',"gen_ai.request.model":"', record.requestModel, textMax);
  line = text(line, ',"gen_ai.response.model":"', record.responseModel, textMax);
  line = text(line, ',"dropped_fields":"', record.droppedFields, textMax);
  return appendCosts(appendUsage(line, record.usage), record.costs);
}

/** What most requests have none of is told only of the others, though most providers say 0 of it. */
function appendUsage(start: string, usage: TokenUsage): string {
  let line = count(start, ',"gen_ai.usage.input_tokens":', usage.inputTokens);
  line = count(line, ',"gen_ai.usage.cached_input_tokens":', usage.cachedInputTokens);
  line = count(line, ',"gen_ai.usage.cache_creation_input_tokens":', usage.cacheCreationInputTokens);
  line = count(line, ',"gen_ai.usage.cache_creation_5m_input_tokens":', usage.cacheCreation5mInputTokens || undefined);
  line = count(line, ',"gen_ai.usage.cache_creation_1h_input_tokens":', usage.cacheCreation1hInputTokens || undefined);
  line = count(line, ',"gen_ai.usage.input_audio_tokens":', usage.inputAudioTokens || undefined);
  line = count(line, ',"gen_ai.usage.input_image_tokens":', usage.inputImageTokens || undefined);
  line = count(line, ',"gen_ai.usage.output_tokens":', usage.outputTokens);
  line = count(line, ',"gen_ai.usage.output_audio_tokens":', usage.outputAudioTokens || undefined);
  line = count(line, ',"gen_ai.usage.reasoning_tokens":', usage.reasoningTokens);
  line = count(line, ',"gen_ai.usage.total_tokens":', usage.totalTokens);
  return usage.estimated ? `${line},"usage_estimated":true` : line;
}

function appendCosts(start: string, costs: RequestRecord["costs"]): string {
  if (costs.length === 0) return start;
  let line = `${start},"costs":{`;
  const end = line.length + COSTS_LENGTH_MAX;
  for (let i = 0; i + 1 < costs.length; i += 2) {
    const value = costs[i + 1];
    // JSON has no infinity and no NaN.
    const number = typeof value === "number" && Number.isFinite(value) ? value : null;
    const key = escapeText(String(costs[i]), TIGHT_TEXT_LENGTH_MAX);
    if (line.length + key.length + NUMBER_LENGTH_MAX > end) return `${line}},"costs_truncated":true`;
    line = `${line}${i === 0 ? '"' : ',"'}${key}":${number}`;
  }
  return `${line}}`;
}

/** What differs only from rule to rule. */
function renderShared(record: RequestRecord, textMax: number): string {
  let line = `,"method":"${escapeText(record.method, textMax)}","path":"${escapeText(record.path, textMax)}"`;
  line = text(line, ',"endpoint":"', record.endpoint, textMax);
  line = text(line, ',"route":"', record.route, textMax);
  line = text(line, ',"rule":"', record.rule, textMax);
  line = text(line, ',"backend":"', record.backend, textMax);
  line = text(line, ',"gen_ai.operation.name":"', record.operation, textMax);
  return text(line, ',"gen_ai.provider.name":"', record.provider, textMax);
}

/** Appends a member with a text, or nothing; `key` comes with its comma, colon and the opening quote. */
function text(line: string, key: string, value: string, lengthMax: number): string {
  return value === "" ? line : `${line}${key}${escapeText(value, lengthMax)}"`;
}

function count(line: string, key: string, value: number | undefined): string {
  return value === undefined ? line : `${line}${key}${value}`;
}

/** Fractions of a millisecond, as text. */
const FRACTIONS = Array.from({ length: 1000 }, (_, micros) => `.${String(micros).padStart(3, "0")}`);

/** Milliseconds to the microsecond; from whole numbers, since the shortest text of a fraction takes long to find. */
function millis(ms: number): string {
  const micros = Math.round(Math.max(0, ms) * 1000);
  const whole = Math.floor(micros / 1000);
  return whole + (FRACTIONS[micros - whole * 1000] as string);
}

let isoSecond = -1;
let isoPrefix = "";

/** `Date.toISOString`, but the part up to the second is made once a second. */
function isoTime(unixMs: number): string {
  const whole = Math.floor(unixMs);
  const second = Math.floor(whole / 1000);
  if (second !== isoSecond) {
    isoSecond = second;
    isoPrefix = new Date(second * 1000).toISOString().slice(0, -4);
  }
  const ms = whole - second * 1000;
  return `${isoPrefix}${ms < 10 ? "00" : ms < 100 ? "0" : ""}${ms}Z`;
}
