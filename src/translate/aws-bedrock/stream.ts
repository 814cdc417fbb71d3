import { GatewayError } from "../../errors/gateway-error.ts";
import { EventStreamDecoder, type EventStreamMessage, eventStreamText } from "../../wire/aws-event-stream.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import { nonEmptyString } from "../answer-json.ts";
import type { AnswerEvent, PartBegin } from "../conversation/answer.ts";
import type { BackendTarget, StreamReader } from "../conversation/codec.ts";
import { isRecord, type JsonRecord } from "../conversation/read.ts";
import { readCitation } from "./citations.ts";
import { readException } from "./error.ts";
import { readStopReason } from "./finish-reason.ts";
import { readRedacted } from "./response.ts";
import { readUsage } from "./usage.ts";

/** The part that is growing. */
interface OpenPart {
  /** Bedrock's `contentBlockIndex`. */
  readonly block: number;
  readonly part: number;
  readonly type: "text" | "thinking" | "tool-call";
  hasArguments: boolean;
  annotations: readonly object[];
}

/**
 * Reads a stream: `messageStart`, blocks, `messageStop`, then `metadata` with the usage. Only blocks of tools are begun by
 * an event; what another block is, its first delta says.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
 */
export class ConverseStreamReader implements StreamReader {
  readonly #decoder = new EventStreamDecoder();
  readonly #id: string;
  readonly #model: string;
  #events: AnswerEvent[] = [];
  #state: "new" | "started" | "stopped" | "finished" = "new";
  #parts = 0;
  #open: OpenPart | undefined;
  /** Redacted thoughts of a block that is not yet whole. */
  #redacted = "";
  /** Usage that came before its time. */
  #usage: AnswerEvent | undefined;

  constructor(headers: HeaderMap, target: BackendTarget) {
    this.#id = headers.get("x-amzn-requestid") ?? "";
    this.#model = target.model;
  }

  push(chunk: Uint8Array, out: AnswerEvent[]): void {
    this.#events = out;
    for (const message of this.#decoder.push(chunk)) {
      if (this.#state !== "finished") this.#read(message);
    }
  }

  /** A stream that was stopped is whole, even if its usage never came. */
  end(out: AnswerEvent[]): void {
    this.#events = out;
    if (this.#state === "stopped") this.#finish();
  }

  #read(message: EventStreamMessage): void {
    const error = readException(message);
    if (error !== undefined) {
      this.#state = "finished";
      this.#events.push({ type: "error", error });
      return;
    }
    const type = eventStreamText(message, ":event-type");
    switch (type) {
      case "messageStart":
        this.#start();
        return;
      case "contentBlockStart":
        this.#beginBlock(parse(message));
        return;
      case "contentBlockDelta":
        this.#grow(parse(message));
        return;
      case "contentBlockStop":
        this.#endPart();
        return;
      case "messageStop":
        this.#stop(parse(message));
        return;
      case "metadata":
        this.#readMetadata(parse(message));
        return;
      default:
      // Newer events say nothing that older callers wait for.
    }
  }

  #start(): void {
    if (this.#state !== "new") return;
    this.#state = "started";
    this.#events.push({ type: "start", id: this.#id, model: this.#model, createdAt: undefined });
  }

  #beginBlock(event: JsonRecord): void {
    const start = event["start"];
    const toolUse = isRecord(start) ? start["toolUse"] : undefined;
    if (!isRecord(toolUse) || toolUse["type"] === "server_tool_use") return;
    const id = nonEmptyString(toolUse["toolUseId"]) ?? "";
    this.#beginPart(blockOf(event), { type: "tool-call", id, name: nonEmptyString(toolUse["name"]) ?? "" });
  }

  #grow(event: JsonRecord): void {
    const delta = event["delta"];
    if (!isRecord(delta)) return;
    const { text, toolUse, reasoningContent, citation } = delta;
    const block = blockOf(event);
    if (typeof text === "string") {
      const { part } = this.#partOf(block, "text");
      if (text !== "") this.#events.push({ type: "text", choice: 0, part, text });
    } else if (isRecord(toolUse)) this.#growArguments(block, toolUse["input"]);
    else if (isRecord(reasoningContent)) this.#growThinking(block, reasoningContent);
    else if (isRecord(citation)) {
      const open = this.#partOf(block, "text");
      open.annotations = [...open.annotations, ...readCitation(citation)];
    }
  }

  /** Input of a block whose beginning was no call for the caller is the vendor's own business. */
  #growArguments(block: number, input: unknown): void {
    const open = this.#open;
    if (open?.block !== block || open.type !== "tool-call" || typeof input !== "string" || input === "") return;
    open.hasArguments = true;
    this.#events.push({ type: "arguments", choice: 0, part: open.part, text: input });
  }

  #growThinking(block: number, { text, signature, redactedContent }: JsonRecord): void {
    if (typeof redactedContent === "string") {
      this.#redacted += readRedacted(redactedContent);
    } else if (typeof text === "string") {
      const { part } = this.#partOf(block, "thinking");
      if (text !== "") this.#events.push({ type: "thinking", choice: 0, part, text });
    } else if (typeof signature === "string" && signature !== "") {
      const { part } = this.#partOf(block, "thinking");
      this.#events.push({ type: "signature", choice: 0, part, signature });
    }
  }

  /** The part that a delta belongs to; it begins where none of its kind is open for the block. */
  #partOf(block: number, type: "text" | "thinking"): OpenPart {
    const open = this.#open;
    return open?.block === block && open.type === type ? open : this.#beginPart(block, { type });
  }

  #beginPart(block: number, begin: Extract<PartBegin, { type: OpenPart["type"] }>): OpenPart {
    this.#start();
    this.#endPart();
    const open: OpenPart = { block, part: this.#parts++, type: begin.type, hasArguments: false, annotations: [] };
    this.#open = open;
    this.#events.push({ type: "part", choice: 0, part: open.part, begin });
    return open;
  }

  #endPart(): void {
    const open = this.#open;
    if (open !== undefined) {
      const { part, annotations } = open;
      // A call without arguments has no delta, but callers parse what they were given.
      if (open.type === "tool-call" && !open.hasArguments) {
        this.#events.push({ type: "arguments", choice: 0, part, text: "{}" });
      }
      this.#open = undefined;
      this.#events.push({ type: "part-end", choice: 0, part, ...(annotations.length === 0 ? {} : { annotations }) });
    }
    if (this.#redacted === "") return;
    const part = this.#parts++;
    const begin = { type: "redacted-thinking", data: this.#redacted } as const;
    this.#redacted = "";
    this.#start();
    this.#events.push({ type: "part", choice: 0, part, begin }, { type: "part-end", choice: 0, part });
  }

  #stop({ stopReason, additionalModelResponseFields: more }: JsonRecord): void {
    if (this.#state === "stopped") return;
    this.#start();
    this.#endPart();
    this.#state = "stopped";
    this.#events.push({
      type: "stop",
      choice: 0,
      reason: readStopReason(stopReason),
      vendorReason: nonEmptyString(stopReason),
      stopSequence: isRecord(more) ? nonEmptyString(more["stop_sequence"]) : undefined,
    });
    if (this.#usage !== undefined) this.#finish();
  }

  #readMetadata({ usage }: JsonRecord): void {
    this.#usage = { type: "usage", usage: readUsage(usage) };
    if (this.#state === "stopped") this.#finish();
  }

  #finish(): void {
    this.#state = "finished";
    if (this.#usage !== undefined) this.#events.push(this.#usage);
    this.#events.push({ type: "done" });
  }
}

function blockOf({ contentBlockIndex }: JsonRecord): number {
  return typeof contentBlockIndex === "number" ? contentBlockIndex : 0;
}

function parse({ payload }: EventStreamMessage): JsonRecord {
  let event: unknown;
  try {
    event = JSON.parse(payload.toString());
  } catch (error) {
    throw new GatewayError("upstream_invalid", "an event of the provider's stream is not JSON", { cause: error });
  }
  return isRecord(event) ? event : {};
}
