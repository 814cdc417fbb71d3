/**
 * The access log: one line of JSON for every settled request, whatever its end. The line is a template, not an object
 * that is serialised: the fields are known, and only texts that callers or providers chose can need an escape.
 * docs/observability.md lists the fields.
 */
import type { TokenUsage } from "../usage/token-usage.ts";
import { LineBytes, type Literal, literal } from "./line-bytes.ts";
import { LINE_BYTES_MAX, type LineWriter } from "./line-writer.ts";
import type { RequestRecord, RequestSink } from "./request-record.ts";

/** Longest text of one field, and the same for a line that would be longer than {@link LINE_BYTES_MAX}. */
const TEXT_LENGTH_MAX = 512;
const TIGHT_TEXT_LENGTH_MAX = 80;

/** Room for a line with every text at its longest, before it is seen to be longer than {@link LINE_BYTES_MAX}. */
const ROOM_BYTES = 8 * LINE_BYTES_MAX;

/** Room for the costs of a line; more than some thirty cost rules fill it. */
const COSTS_LENGTH_MAX = 1024;

/** Longest key of a cost. */
const COST_KEY_LENGTH_MAX = 128;

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
  readonly members: Literal;
}

/** Writes settled requests as lines of printable ASCII, at most {@link LINE_BYTES_MAX} bytes with the newline. */
export class AccessLog implements RequestSink {
  readonly #lines: Pick<LineWriter, "appendBytes">;
  readonly #line = new LineBytes(ROOM_BYTES);
  /** The part made last for each backend. */
  readonly #parts = new Map<string, SharedPart>();

  constructor(lines: Pick<LineWriter, "appendBytes">) {
    this.#lines = lines;
  }

  settle(record: RequestRecord): void {
    const line = this.#line;
    line.length = 0;
    appendOwn(line, record, TEXT_LENGTH_MAX);
    line.literal(this.#shared(record));
    line.literal(END);
    if (line.length > LINE_BYTES_MAX) {
      line.length = 0;
      appendOwn(line, record, TIGHT_TEXT_LENGTH_MAX);
      appendShared(line, record, TIGHT_TEXT_LENGTH_MAX);
      line.literal(TRUNCATED_END);
    }
    this.#lines.appendBytes(line.bytes, line.length);
  }

  #shared(record: RequestRecord): Literal {
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
    const line = new LineBytes(ROOM_BYTES);
    appendShared(line, record, TEXT_LENGTH_MAX);
    const members = literal(Buffer.from(line.bytes.buffer, 0, line.length).toString("latin1"));
    if (this.#parts.size >= PARTS_MAX) this.#parts.clear();
    this.#parts.set(backend, { method, path, endpoint, operation, route, rule, provider, members });
    return members;
  }
}

const END = literal("}\n");
const TRUNCATED_END = literal(',"truncated":true}\n');
const QUOTE = literal('"');
const START = {
  milliseconds: literal('Z","request_id":"'),
  status: literal('","status":'),
  outcome: literal(',"outcome":"'),
  duration: literal('","duration_ms":'),
};
const OWN = {
  firstByte: literal(',"ttft_ms":'),
  attempt: literal(',"attempt_ms":'),
  errorType: literal(',"error.type":"'),
  errorMessage: literal(',"error.message":"'),
  errorLimit: literal(',"error.limit":"'),
  limits: literal(',"limits":"'),
  upstreamStatus: literal(',"upstream_status":'),
  attempts: literal(',"attempts":'),
  streamed: literal(',"stream":true,"events":'),
  whole: literal(',"stream":false,"events":'),
  requestBytes: literal(',"request_bytes":'),
  responseBytes: literal(',"response_bytes":'),
  originalModel: literal(',"gen_ai.original.model":"'),
  requestModel: literal(',"gen_ai.request.model":"'),
  responseModel: literal(',"gen_ai.response.model":"'),
  droppedFields: literal(',"dropped_fields":"'),
  callerKey: literal(',"caller.key":"'),
  callerOwner: literal(',"caller.owner":"'),
  callerTeam: literal(',"caller.team":"'),
  callerUser: literal(',"caller.user":"'),
};

/** What differs from request to request. What is not known of a request has no member. */
function appendOwn(line: LineBytes, record: RequestRecord, textMax: number): void {
  const { firstByteMs, attemptMs, startMs } = record;
  appendStart(line, record.startedAt);
  line.text(record.requestId, textMax);
  line.literal(START.status);
  line.number(record.status);
  line.literal(START.outcome);
  line.text(record.outcome, textMax);
  line.literal(START.duration);
  line.millis(record.endMs - startMs);
  if (firstByteMs > 0) appendMillis(line, OWN.firstByte, firstByteMs - startMs);
  if (attemptMs > 0) appendMillis(line, OWN.attempt, attemptMs - startMs);
  appendText(line, OWN.errorType, record.errorType, textMax);
  appendText(line, OWN.errorMessage, record.errorMessage, textMax);
  if (record.refusedBy !== undefined) {
    appendText(line, OWN.errorLimit, record.refusedBy.id, textMax);
    appendText(line, OWN.limits, record.limitStates, textMax);
  }
  appendCount(line, OWN.upstreamStatus, record.upstreamStatus || undefined);
  appendCount(line, OWN.attempts, record.attempts);
  appendCount(line, record.stream ? OWN.streamed : OWN.whole, record.events);
  appendCount(line, OWN.requestBytes, record.requestBytes);
  appendCount(line, OWN.responseBytes, record.responseBytes);
  appendText(line, OWN.originalModel, record.originalModel, textMax);
  appendText(line, OWN.requestModel, record.requestModel, textMax);
  appendText(line, OWN.responseModel, record.responseModel, textMax);
  appendText(line, OWN.droppedFields, record.droppedFields, textMax);
  appendText(line, OWN.callerKey, record.callerKey, textMax);
  appendText(line, OWN.callerOwner, record.callerOwner, textMax);
  appendText(line, OWN.callerTeam, record.callerTeam, textMax);
  appendText(line, OWN.callerUser, record.callerUser, textMax);
  appendUsage(line, record.usage);
  appendCosts(line, record.costs);
}

const USAGE = {
  input: literal(',"gen_ai.usage.input_tokens":'),
  cachedInput: literal(',"gen_ai.usage.cached_input_tokens":'),
  cacheCreationInput: literal(',"gen_ai.usage.cache_creation_input_tokens":'),
  cacheCreation5mInput: literal(',"gen_ai.usage.cache_creation_5m_input_tokens":'),
  cacheCreation1hInput: literal(',"gen_ai.usage.cache_creation_1h_input_tokens":'),
  inputAudio: literal(',"gen_ai.usage.input_audio_tokens":'),
  inputImage: literal(',"gen_ai.usage.input_image_tokens":'),
  output: literal(',"gen_ai.usage.output_tokens":'),
  outputAudio: literal(',"gen_ai.usage.output_audio_tokens":'),
  reasoning: literal(',"gen_ai.usage.reasoning_tokens":'),
  total: literal(',"gen_ai.usage.total_tokens":'),
  estimated: literal(',"usage_estimated":true'),
};

/** What most requests have none of is told only of the others, though most providers say 0 of it. */
function appendUsage(line: LineBytes, usage: TokenUsage): void {
  appendCount(line, USAGE.input, usage.inputTokens);
  appendCount(line, USAGE.cachedInput, usage.cachedInputTokens);
  appendCount(line, USAGE.cacheCreationInput, usage.cacheCreationInputTokens);
  appendCount(line, USAGE.cacheCreation5mInput, usage.cacheCreation5mInputTokens || undefined);
  appendCount(line, USAGE.cacheCreation1hInput, usage.cacheCreation1hInputTokens || undefined);
  appendCount(line, USAGE.inputAudio, usage.inputAudioTokens || undefined);
  appendCount(line, USAGE.inputImage, usage.inputImageTokens || undefined);
  appendCount(line, USAGE.output, usage.outputTokens);
  appendCount(line, USAGE.outputAudio, usage.outputAudioTokens || undefined);
  appendCount(line, USAGE.reasoning, usage.reasoningTokens);
  appendCount(line, USAGE.total, usage.totalTokens);
  if (usage.estimated) line.literal(USAGE.estimated);
}

const COSTS = {
  start: literal(',"costs":{'),
  next: literal(',"'),
  colon: literal('":'),
  null: literal("null"),
  end: literal("}"),
  truncatedEnd: literal('},"costs_truncated":true'),
};

function appendCosts(line: LineBytes, costs: RequestRecord["costs"]): void {
  if (costs.length === 0) return;
  line.literal(COSTS.start);
  const end = line.length + COSTS_LENGTH_MAX;
  for (let i = 0; i + 1 < costs.length; i += 2) {
    const before = line.length;
    line.literal(i === 0 ? QUOTE : COSTS.next);
    line.text(String(costs[i]), COST_KEY_LENGTH_MAX);
    if (line.length + NUMBER_LENGTH_MAX > end) {
      line.length = before;
      line.literal(COSTS.truncatedEnd);
      return;
    }
    line.literal(COSTS.colon);
    const value = costs[i + 1];
    // JSON has no infinity and no NaN.
    if (typeof value === "number" && Number.isFinite(value)) line.number(value);
    else line.literal(COSTS.null);
  }
  line.literal(COSTS.end);
}

const SHARED = {
  method: literal(',"method":"'),
  path: literal('","path":"'),
  endpoint: literal(',"endpoint":"'),
  route: literal(',"route":"'),
  rule: literal(',"rule":"'),
  backend: literal(',"backend":"'),
  operation: literal(',"gen_ai.operation.name":"'),
  provider: literal(',"gen_ai.provider.name":"'),
};

/** What differs only from rule to rule. */
function appendShared(line: LineBytes, record: RequestRecord, textMax: number): void {
  line.literal(SHARED.method);
  line.text(record.method, textMax);
  line.literal(SHARED.path);
  line.text(record.path, textMax);
  line.literal(QUOTE);
  appendText(line, SHARED.endpoint, record.endpoint, textMax);
  appendText(line, SHARED.route, record.route, textMax);
  appendText(line, SHARED.rule, record.rule, textMax);
  appendText(line, SHARED.backend, record.backend, textMax);
  appendText(line, SHARED.operation, record.operation, textMax);
  appendText(line, SHARED.provider, record.provider, textMax);
}

/** Appends a member with a text, or nothing; `key` comes with its comma, colon and the opening quote. */
function appendText(line: LineBytes, key: Literal, value: string, lengthMax: number): void {
  if (value === "") return;
  line.literal(key);
  line.text(value, lengthMax);
  line.literal(QUOTE);
}

function appendCount(line: LineBytes, key: Literal, value: number | undefined): void {
  if (value === undefined) return;
  line.literal(key);
  line.number(value);
}

function appendMillis(line: LineBytes, key: Literal, ms: number): void {
  line.literal(key);
  line.millis(ms);
}

let startSecond = -1;
let startPrefix = literal("");

/** The time as `Date.toISOString` has it, but the part up to the second is made once a second. */
function appendStart(line: LineBytes, unixMs: number): void {
  const whole = Math.floor(unixMs);
  const second = Math.floor(whole / 1000);
  if (second !== startSecond) {
    startSecond = second;
    startPrefix = literal(`{"start_time":"${new Date(second * 1000).toISOString().slice(0, -4)}`);
  }
  line.literal(startPrefix);
  line.threeDigits(whole - second * 1000);
  line.literal(START.milliseconds);
}
