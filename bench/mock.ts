/**
 * The provider that every system under test talks to: answers precomputed bytes from `node:net`, as cheaply as Node can, so
 * that one core carries it beside the load generator. What it answers depends on the model that the body names
 * (`workloads.ts`). Prints its port.
 */
import { createServer, type Socket } from "node:net";
import { type Answers, anthropicAnswers, bedrockAnswers, openaiAnswers } from "./mock-answers.ts";
import { CHUNKS_PER_STREAM, MODELS, PACE_MS } from "./workloads.ts";

const HEAD_END = Buffer.from("\r\n\r\n");
const CHUNKED_END = Buffer.from("0\r\n\r\n");
const MODEL_MARKER = "bench-";

const OPENAI = openaiAnswers();
const ANTHROPIC = anthropicAnswers();
const BEDROCK = bedrockAnswers();

/** The dialect that a request is in, by its head. */
function answersTo(head: string): Answers {
  if (head.startsWith("post /v1/messages")) return ANTHROPIC;
  return head.startsWith("post /model/") ? BEDROCK : OPENAI;
}

/** One client connection: reads requests, which never overlap, and answers each. */
class Connection {
  readonly #socket: Socket;
  #pending: Buffer | undefined;
  #inBody = false;
  /** Body bytes still to come; -1 = chunked, which ends with a last chunk. */
  #remaining = 0;
  #model = "";
  #answers = OPENAI;
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
    this.#answers = answersTo(head);
    // Bedrock's callers name the model in the path.
    const modelAt = this.#answers === BEDROCK ? head.indexOf(MODEL_MARKER) : -1;
    this.#model = modelAt < 0 ? "" : head.slice(modelAt, modelAt + MODELS.unary.length);
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
    else this.#socket.write(this.#answers.unary);
  }

  /** Every chunk in a write of its own, as a provider sends them, without waiting in between. */
  #burst(): void {
    const { streamHead, chunk } = this.#answers;
    this.#socket.write(streamHead);
    for (let index = 0; index < CHUNKS_PER_STREAM; index++) this.#socket.write(chunk(index));
  }

  /** A chunk every {@link PACE_MS}, stamped with the time of its sending. */
  #pace(): void {
    const { streamHead, stamped } = this.#answers;
    this.#socket.write(streamHead);
    let next = 0;
    const send = () => {
      this.#socket.write(stamped(next));
      next += 1;
      // Before the next request of this connection, which has a timer of its own.
      if (next === CHUNKS_PER_STREAM) clearInterval(this.#timer);
    };
    this.#timer = setInterval(send, PACE_MS);
    send();
  }
}

const server = createServer((socket) => new Connection(socket));
server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : ""}\n`);
});
