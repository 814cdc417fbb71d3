import { GatewayError } from "../../errors/gateway-error.ts";
import { emptyUsage } from "../../usage/token-usage.ts";
import { checkEventBytes, completeEvent, EventCursor, EventSplitter } from "../../wire/sse.ts";
import type { AnswerEvent, PartBegin } from "../conversation/answer.ts";
import type { StreamReader } from "../conversation/codec.ts";
import { isRecord, type JsonRecord } from "../conversation/read.ts";
import { parseJson } from "../json-body.ts";
import { errorIn } from "./error.ts";
import { readStopReason } from "./finish-reason.ts";
import { stringIn } from "./response.ts";
import { MessageUsageReader } from "./usage.ts";

/** No part of Anthropic's streams, but compatible servers end theirs with it. */
const DONE = Buffer.from("[DONE]");

/** Reads a stream of server-sent events: https://docs.anthropic.com/en/docs/build-with-claude/streaming */
export class MessageStreamReader implements StreamReader {
  readonly #splitter = new EventSplitter();
  readonly #cursor = new EventCursor();
  readonly #events = new MessageEventReader();

  push(chunk: Uint8Array, out: AnswerEvent[]): void {
    this.#read(this.#splitter.push(chunk), out);
  }

  /** A last event that lacks only its blank line is read; one that was cut off is not. */
  end(out: AnswerEvent[]): void {
    const rest = completeEvent(this.#splitter.end());
    const event = new EventCursor();
    event.load(rest);
    if (event.next() && isRecord(parseJson(event.data()))) this.#read(rest, out);
  }

  #read(bytes: Buffer, out: AnswerEvent[]): void {
    const event = this.#cursor;
    event.load(bytes);
    while (event.next()) {
      checkEventBytes(event.end - event.start);
      if (!event.isData(DONE)) this.#events.read(event.data(), out);
    }
  }
}

/** A block that has begun. */
interface OpenBlock {
  readonly index: unknown;
  readonly part: number;
  readonly type: PartBegin["type"];
  /** Input that came with the beginning of a tool call: it counts when no pieces follow. */
  readonly input: string;
  hasArguments: boolean;
}

/** Reads the events of one message, however they are framed. Unknown ones, and unknown pieces of blocks, are passed over. */
export class MessageEventReader {
  readonly #usage = emptyUsage();
  readonly #usageReader = new MessageUsageReader(this.#usage);
  /** Blocks come one after the other. */
  #open: OpenBlock | undefined;
  #parts = 0;
  #stop: { reason: unknown; sequence: unknown; details: unknown } | undefined;

  /**
   * Reads one event's JSON and adds what it says to `out`.
   *
   * @throws GatewayError `upstream_invalid` for what is no event, and for a piece of a block that never began.
   */
  read(json: Uint8Array, out: AnswerEvent[]): void {
    const event = parseJson(json);
    if (!isRecord(event)) throw invalid("an event that is no JSON object");
    switch (event["type"]) {
      case "message_start":
        this.#begin(event["message"], out);
        return;
      case "content_block_start":
        this.#beginBlock(event, out);
        return;
      case "content_block_delta":
        this.#grow(event, out);
        return;
      case "content_block_stop":
        if (this.#open?.index === event["index"]) this.#endBlock(out);
        return;
      case "message_delta":
        this.#noteDelta(event);
        return;
      case "message_stop":
        this.#end(out);
        return;
      case "ping":
        out.push({ type: "ping" });
        return;
      default: {
        const error = errorIn(event);
        if (error !== undefined) out.push({ type: "error", error });
      }
    }
  }

  #begin(message: unknown, out: AnswerEvent[]): void {
    if (!isRecord(message)) throw invalid("a message_start without its message");
    out.push({ type: "start", id: stringIn(message, "id"), model: stringIn(message, "model"), createdAt: undefined });
    if (!isRecord(message["usage"])) return;
    this.#usageReader.add(message["usage"]);
    // Early, so that what the prompt cost is known of a stream that is cut off.
    out.push({ type: "usage", usage: { ...this.#usage } });
  }

  #beginBlock({ index, content_block: block }: JsonRecord, out: AnswerEvent[]): void {
    if (!isRecord(block)) throw invalid("a content_block_start without its block");
    this.#endBlock(out);
    const begin = readBegin(block);
    const part = this.#parts++;
    const input =
      isRecord(block["input"]) && Object.keys(block["input"]).length > 0 ? JSON.stringify(block["input"]) : "{}";
    this.#open = { index, part, type: begin.type, input, hasArguments: false };
    out.push({ type: "part", choice: 0, part, begin });
    if (begin.type === "text") pushText(out, "text", part, stringIn(block, "text"));
    if (begin.type !== "thinking") return;
    pushText(out, "thinking", part, stringIn(block, "thinking"));
    pushSignature(out, part, stringIn(block, "signature"));
  }

  #grow({ index, delta }: JsonRecord, out: AnswerEvent[]): void {
    const block = this.#open;
    if (block === undefined || block.index !== index || !isRecord(delta))
      throw invalid("a piece of a block that has not begun");
    const { part, type } = block;
    switch (delta["type"]) {
      case "text_delta":
        if (type === "text") pushText(out, "text", part, stringIn(delta, "text"));
        return;
      case "thinking_delta":
        if (type === "thinking") pushText(out, "thinking", part, stringIn(delta, "thinking"));
        return;
      case "signature_delta":
        if (type === "thinking") pushSignature(out, part, stringIn(delta, "signature"));
        return;
      case "input_json_delta": {
        const text = stringIn(delta, "partial_json");
        if (type !== "tool-call" || text === "") return;
        block.hasArguments = true;
        out.push({ type: "arguments", choice: 0, part, text });
      }
    }
  }

  #endBlock(out: AnswerEvent[]): void {
    const block = this.#open;
    if (block === undefined) return;
    this.#open = undefined;
    const { part, type, input, hasArguments } = block;
    if (type === "tool-call" && !hasArguments) out.push({ type: "arguments", choice: 0, part, text: input });
    out.push({ type: "part-end", choice: 0, part });
  }

  #noteDelta({ delta, usage }: JsonRecord): void {
    if (isRecord(usage)) this.#usageReader.add(usage);
    if (!isRecord(delta)) return;
    this.#stop = { reason: delta["stop_reason"], sequence: delta["stop_sequence"], details: delta["stop_details"] };
  }

  #end(out: AnswerEvent[]): void {
    this.#endBlock(out);
    const { reason, sequence, details } = this.#stop ?? {};
    out.push({
      type: "stop",
      choice: 0,
      reason: readStopReason(reason),
      vendorReason: typeof reason === "string" ? reason : undefined,
      stopSequence: typeof sequence === "string" ? sequence : undefined,
      ...(isRecord(details) ? { extensions: { stop_details: details } } : {}),
    });
    out.push({ type: "usage", usage: { ...this.#usage } }, { type: "done" });
  }
}

function readBegin(block: JsonRecord): PartBegin {
  switch (block["type"]) {
    case "text":
      return { type: "text" };
    case "thinking":
      return { type: "thinking" };
    case "redacted_thinking":
      return { type: "redacted-thinking", data: stringIn(block, "data") };
    case "tool_use":
      return { type: "tool-call", id: stringIn(block, "id"), name: stringIn(block, "name") };
    default:
      return { type: "vendor", block };
  }
}

function pushText(out: AnswerEvent[], type: "text" | "thinking", part: number, text: string): void {
  if (text !== "") out.push({ type, choice: 0, part, text });
}

function pushSignature(out: AnswerEvent[], part: number, signature: string): void {
  if (signature !== "") out.push({ type: "signature", choice: 0, part, signature });
}

function invalid(what: string): GatewayError {
  return new GatewayError("upstream_invalid", `the provider sent ${what}`);
}
