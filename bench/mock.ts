/**
 * The provider that every system under test talks to: answers precomputed bytes from `node:net`, as cheaply as Node can, so
 * that one core carries it beside the load generator. What it answers depends on the model that the body names
 * (`workloads.ts`). Prints its port.
 */
import { createServer, type Socket } from "node:net";
import { monotonicMicros } from "./clock.ts";
import { CHUNKS_PER_STREAM, MODELS, PACE_MS } from "./workloads.ts";

const UNARY_BODY_BYTES = 676;
const HEAD_END = Buffer.from("\r\n\r\n");
const CHUNKED_END = Buffer.from("0\r\n\r\n");
const MODEL_MARKER = Buffer.from("bench-");

const unary = unaryAnswer();
const streamHead = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n" +
    "openai-processing-ms: 12\r\nx-request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n",
);
const events = Array.from({ length: CHUNKS_PER_STREAM }, (_, index) => eventAt(index));
/** Where the sixteen digits of the sending time stand in each chunk. */
const stampAt = events.map((event) => event.indexOf("~") + 1);

/** One client connection: reads requests, which never overlap, and answers each. */
class Connection {
  readonly #socket: Socket;
  #pending: Buffer | undefined;
  #inBody = false;
  /** Body bytes still to come; -1 = chunked, which ends with a last chunk. */
  #remaining = 0;
  #model = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => this.#read(bytes));
    socket.on("close", () => clearInterval(this.#timer));
    // A client that leaves in mid-stream is part of the work; "close" follows.
    socket.on("error", () => undefined);
  }

  #read(bytes: Buffer): void {
    if (this.#inBody) {
      this.#readBody(bytes);
      return;
    }
    const all = this.#pending === undefined ? bytes : Buffer.concat([this.#pending, bytes]);
    const end = all.indexOf(HEAD_END);
    this.#pending = end < 0 ? all : undefined;
    if (end < 0) return;
    const head = all.toString("latin1", 0, end).toLowerCase();
    const lengthAt = head.indexOf("\r\ncontent-length:");
    this.#remaining = lengthAt < 0 ? -1 : Number.parseInt(head.slice(lengthAt + 17, lengthAt + 30), 10);
    this.#inBody = true;
    this.#model = "";
    this.#readBody(all.subarray(end + HEAD_END.length));
  }

  #readBody(bytes: Buffer): void {
    if (this.#model === "") {
      const at = bytes.indexOf(MODEL_MARKER);
      if (at >= 0) this.#model = bytes.toString("latin1", at, at + MODELS.unary.length);
    }
    if (this.#remaining >= 0) {
      this.#remaining -= bytes.length;
      if (this.#remaining > 0) return;
    } else if (!bytes.subarray(-CHUNKED_END.length).equals(CHUNKED_END)) return;
    this.#inBody = false;
    this.#answer();
  }

  #answer(): void {
    if (this.#model === MODELS.paced) this.#pace();
    else if (this.#model === MODELS.burst) this.#burst();
    else this.#socket.write(unary);
  }

  /** Every chunk in a write of its own, as a provider sends them, without waiting in between. */
  #burst(): void {
    this.#socket.write(streamHead);
    for (const event of events) this.#socket.write(event);
  }

  /** A chunk every {@link PACE_MS}, stamped with the time of its sending. */
  #pace(): void {
    this.#socket.write(streamHead);
    let next = 0;
    const send = () => {
      const stamped = Buffer.from(events[next] ?? streamHead);
      stamped.write(monotonicMicros().toString().padStart(16, "0"), stampAt[next] ?? 0, "latin1");
      this.#socket.write(stamped);
      next += 1;
      // Before the next request of this connection, which has a timer of its own.
      if (next === CHUNKS_PER_STREAM) clearInterval(this.#timer);
    };
    this.#timer = setInterval(send, PACE_MS);
    send();
  }
}

function unaryAnswer(): Buffer {
  const answer = (text: string) =>
    JSON.stringify({
      id: "chatcmpl-benchbenchbenchbenchbench",
      object: "chat.completion",
      created: 1_760_000_000,
      model: MODELS.unary,
      choices: [{ index: 0, message: { role: "assistant", content: text, refusal: null }, finish_reason: "stop" }],
      usage: {
        prompt_tokens: 219,
        completion_tokens: 61,
        total_tokens: 280,
        prompt_tokens_details: { cached_tokens: 128, audio_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
      },
      service_tier: "default",
      system_fingerprint: "fp_bench",
    });
  const text = "The answer, as long as it takes. ".repeat(20).slice(0, UNARY_BODY_BYTES - answer("").length);
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nopenai-processing-ms: 12\r\nx-request-id: req_bench\r\n` +
      `content-length: ${UNARY_BODY_BYTES}\r\n\r\n${answer(text)}`,
  );
}

/** A chunk of the stream in its chunked framing; the last one carries finish reason, usage and end as well. */
function eventAt(index: number): Buffer {
  const isLast = index === CHUNKS_PER_STREAM - 1;
  const common = { id: "chatcmpl-benchbenchbenchbenchbench", object: "chat.completion.chunk", created: 1_760_000_000 };
  const event = (rest: object) => `data: ${JSON.stringify({ ...common, model: MODELS.paced, ...rest })}\n\n`;
  const delta = { ...(index === 0 && { role: "assistant" }), content: "~0000000000000000" };
  let text = event({ choices: [{ index: 0, delta, logprobs: null, finish_reason: null }], usage: null });
  if (isLast) {
    text += event({ choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: "stop" }], usage: null });
    const usage = { prompt_tokens: 219, completion_tokens: CHUNKS_PER_STREAM, total_tokens: 219 + CHUNKS_PER_STREAM };
    text += `${event({ choices: [], usage })}data: [DONE]\n\n`;
  }
  return Buffer.from(`${text.length.toString(16)}\r\n${text}\r\n${isLast ? "0\r\n\r\n" : ""}`);
}

const server = createServer((socket) => new Connection(socket));
server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : ""}\n`);
});
