/** What the mock provider answers, in the dialects that gateways translate to; all but the time stamps is made once. */
import { encodeEventStreamText } from "../src/wire/aws-event-stream.ts";
import { monotonicMicros } from "./clock.ts";
import { CHUNKS_PER_STREAM, MODELS } from "./workloads.ts";

/** Bytes of the answers of one dialect. */
export interface Answers {
  /** Head and body of an answer that is no stream. */
  readonly unary: Buffer;
  readonly streamHead: Buffer;
  /** A chunk of the stream in its chunked framing; the last one carries everything that ends a stream. */
  readonly chunk: (index: number) => Buffer;
  /** The same with the time of its sending in it. */
  readonly stamped: (index: number) => Buffer;
}

const UNARY_BODY_BYTES = 676;
const LAST = CHUNKS_PER_STREAM - 1;
/** Stands where the sixteen digits of the sending time go. */
const STAMP = "~0000000000000000";
const USAGE = { input: 219, output: CHUNKS_PER_STREAM };
const STREAM_HEADERS = "cache-control: no-cache\r\nx-request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n";

/** OpenAI's chat completions. */
export function openaiAnswers(): Answers {
  const answer = (content: string) => ({
    id: "chatcmpl-benchbenchbenchbenchbench",
    object: "chat.completion",
    created: 1_760_000_000,
    model: MODELS.unary,
    choices: [{ index: 0, message: { role: "assistant", content, refusal: null }, finish_reason: "stop" }],
    usage: {
      prompt_tokens: USAGE.input,
      completion_tokens: 61,
      total_tokens: 280,
      prompt_tokens_details: { cached_tokens: 128, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
    },
    service_tier: "default",
    system_fingerprint: "fp_bench",
  });
  const common = { id: "chatcmpl-benchbenchbenchbenchbench", object: "chat.completion.chunk", created: 1_760_000_000 };
  const event = (rest: object) => `data: ${JSON.stringify({ ...common, model: MODELS.paced, ...rest })}\n\n`;
  const usage = {
    prompt_tokens: USAGE.input,
    completion_tokens: USAGE.output,
    total_tokens: USAGE.input + USAGE.output,
  };
  const texts = Array.from({ length: CHUNKS_PER_STREAM }, (_, index) => {
    const delta = { ...(index === 0 && { role: "assistant" }), content: STAMP };
    const text = event({ choices: [{ index: 0, delta, logprobs: null, finish_reason: null }], usage: null });
    if (index < LAST) return text;
    const end = event({ choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: "stop" }], usage: null });
    return `${text}${end}${event({ choices: [], usage })}data: [DONE]\n\n`;
  });
  return sseAnswers(unaryAnswer(answer), texts);
}

/** Anthropic's messages. */
export function anthropicAnswers(): Answers {
  const message = (text: string) => ({
    id: "msg_benchbenchbenchbenchbench",
    type: "message",
    role: "assistant",
    model: MODELS.unary,
    content: [{ type: "text", text }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 91, cache_creation_input_tokens: 0, cache_read_input_tokens: 128, output_tokens: 61 },
  });
  const event = (data: { readonly type: string }) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
  const begun = { ...message(""), content: [], stop_reason: null };
  const texts = Array.from({ length: CHUNKS_PER_STREAM }, (_, index) => {
    const delta = { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: STAMP } };
    const start = [
      { type: "message_start", message: begun },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    ];
    const end = [
      { type: "content_block_stop", index: 0 },
      {
        type: "message_delta",
        delta: { stop_reason: "end_turn", stop_sequence: null },
        usage: { output_tokens: USAGE.output },
      },
      { type: "message_stop" },
    ];
    return [...(index === 0 ? start : []), delta, ...(index === LAST ? end : [])].map(event).join("");
  });
  return sseAnswers(unaryAnswer(message), texts);
}

/** Bedrock's Converse and ConverseStream. */
export function bedrockAnswers(): Answers {
  const answer = (text: string) => ({
    metrics: { latencyMs: 12 },
    output: { message: { content: [{ text }], role: "assistant" } },
    stopReason: "end_turn",
    usage: { inputTokens: 91, outputTokens: 61, totalTokens: 280, cacheReadInputTokens: 128 },
  });
  const frame = (type: string, payload: object) =>
    encodeEventStreamText(
      { ":event-type": type, ":content-type": "application/json", ":message-type": "event" },
      Buffer.from(JSON.stringify(payload)),
    );
  const start = frame("messageStart", { role: "assistant" });
  const end = Buffer.concat([
    frame("contentBlockStop", { contentBlockIndex: 0 }),
    frame("messageStop", { stopReason: "end_turn" }),
    frame("metadata", {
      usage: { inputTokens: USAGE.input, outputTokens: USAGE.output, totalTokens: USAGE.input + USAGE.output },
    }),
  ]);
  const chunk = (index: number, text: string) => {
    const delta = frame("contentBlockDelta", { contentBlockIndex: 0, delta: { text } });
    const frames = [...(index === 0 ? [start] : []), delta, ...(index === LAST ? [end] : [])];
    return chunked(Buffer.concat(frames), index === LAST);
  };
  const chunks = Array.from({ length: CHUNKS_PER_STREAM }, (_, index) => chunk(index, STAMP));
  return {
    unary: unaryAnswer(answer),
    streamHead: Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n${STREAM_HEADERS}`),
    chunk: (index) => chunks[index] ?? end,
    // A frame carries its checksum, so it is made anew.
    stamped: (index) => chunk(index, `~${stampNow()}`),
  };
}

function sseAnswers(unary: Buffer, texts: readonly string[]): Answers {
  const chunks = texts.map((text, index) => chunked(Buffer.from(text), index === LAST));
  const stampAt = chunks.map((chunk) => chunk.indexOf("~") + 1);
  const chunk = (index: number) => chunks[index] ?? Buffer.alloc(0);
  return {
    unary,
    streamHead: Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n${STREAM_HEADERS}`),
    chunk,
    stamped: (index) => {
      const stamped = Buffer.from(chunk(index));
      stamped.write(stampNow(), stampAt[index] ?? 0, "latin1");
      return stamped;
    },
  };
}

function stampNow(): string {
  return monotonicMicros()
    .toString()
    .padStart(STAMP.length - 1, "0");
}

function chunked(bytes: Buffer, isLast: boolean): Buffer {
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from(isLast ? "\r\n0\r\n\r\n" : "\r\n"),
  ]);
}

/** Answers of all dialects are equally long. */
function unaryAnswer(answer: (text: string) => object): Buffer {
  const room = UNARY_BODY_BYTES - JSON.stringify(answer("")).length;
  const body = JSON.stringify(answer("The answer, as long as it takes. ".repeat(20).slice(0, room)));
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nopenai-processing-ms: 12\r\nx-request-id: req_bench\r\n` +
      `content-length: ${UNARY_BODY_BYTES}\r\n\r\n${body}`,
  );
}
