/**
 * The access log: one line of JSON for every settled request, whatever its end. The line is a template, not an object
 * that is serialised: the fields are known, and only texts that callers or providers chose can need an escape.
 * docs/observability.md lists the fields.
 */
import type { TokenUsage } from "../usage/token-usage.ts";
import { escapeText } from "./escape-text.ts";
import { LineBytes, type Literal, literal } from "./line-bytes.ts";
import { LINE_BYTES_MAX, type LineWriter } from "./line-writer.ts";
import type { RequestRecord, RequestSink } from "./request-record.ts";
import { appendShared, SharedMembers } from "./shared-members.ts";

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

/** How many keys of costs are kept; more than any configuration has. */
const COST_KEYS_MAX = 1000;

/** Writes settled requests as lines of printable ASCII, at most {@link LINE_BYTES_MAX} bytes with the newline. */
export class AccessLog implements RequestSink {
  readonly #lines: Pick<LineWriter, "appendBytes">;
  readonly #line = new LineBytes(ROOM_BYTES);
  readonly #shared = new SharedMembers(TEXT_LENGTH_MAX);

  constructor(lines: Pick<LineWriter, "appendBytes">) {
    this.#lines = lines;
  }

  settle(record: RequestRecord): void {
    const line = this.#line;
    line.length = 0;
    appendOwn(line, record, TEXT_LENGTH_MAX);
    this.#shared.append(line, record);
    line.literal(END);
    if (line.length > LINE_BYTES_MAX) {
      line.length = 0;
      appendOwn(line, record, TIGHT_TEXT_LENGTH_MAX);
      appendShared(line, record, TIGHT_TEXT_LENGTH_MAX);
      line.literal(TRUNCATED_END);
    }
    this.#lines.appendBytes(line.bytes, line.length);
  }
}

const END = literal("}\n");
const TRUNCATED_END = literal(',"truncated":true}\n');
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
  droppedFields: literal(',"dropped_fields":"'),
  callerKey: literal(',"caller.key":"'),
  callerOwner: literal(',"caller.owner":"'),
  callerTeam: literal(',"caller.team":"'),
  callerUser: literal(',"caller.user":"'),
};

/** What differs from one request to the next. What is not known of a request has no member. */
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
  line.member(OWN.errorType, record.errorType, textMax);
  line.member(OWN.errorMessage, record.errorMessage, textMax);
  if (record.refusedBy !== undefined) {
    line.member(OWN.errorLimit, record.refusedBy.id, textMax);
    line.member(OWN.limits, record.limitStates, textMax);
  }
  appendCount(line, OWN.upstreamStatus, record.upstreamStatus || undefined);
  appendCount(line, OWN.attempts, record.attempts);
  appendCount(line, record.stream ? OWN.streamed : OWN.whole, record.events);
  appendCount(line, OWN.requestBytes, record.requestBytes);
  appendCount(line, OWN.responseBytes, record.responseBytes);
  line.member(OWN.droppedFields, record.droppedFields, textMax);
  line.member(OWN.callerKey, record.callerKey, textMax);
  line.member(OWN.callerOwner, record.callerOwner, textMax);
  line.member(OWN.callerTeam, record.callerTeam, textMax);
  line.member(OWN.callerUser, record.callerUser, textMax);
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
  null: literal("null"),
  comma: literal(","),
  end: literal("}"),
  truncatedEnd: literal('},"costs_truncated":true'),
};

function appendCosts(line: LineBytes, costs: RequestRecord["costs"]): void {
  if (costs.length === 0) return;
  line.literal(COSTS.start);
  const end = line.length + COSTS_LENGTH_MAX;
  let last = COSTS.end;
  for (let i = 0; i + 1 < costs.length; i += 2) {
    const key = costKey(String(costs[i]));
    if (line.length + key.length + NUMBER_LENGTH_MAX > end) {
      last = COSTS.truncatedEnd;
      break;
    }
    line.literal(key);
    const value = costs[i + 1];
    // JSON has no infinity and no NaN.
    if (typeof value === "number" && Number.isFinite(value)) line.number(value);
    else line.literal(COSTS.null);
    line.literal(COSTS.comma);
  }
  // Instead of the last comma.
  line.length--;
  line.literal(last);
}

const costKeys = new Map<string, Literal>();

/** A key with its quotes and colon; kept, since there are only as many as a configuration has. */
function costKey(key: string): Literal {
  const known = costKeys.get(key);
  if (known !== undefined) return known;
  if (costKeys.size >= COST_KEYS_MAX) costKeys.clear();
  const made = literal(`"${escapeText(key, COST_KEY_LENGTH_MAX)}":`);
  costKeys.set(key, made);
  return made;
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
