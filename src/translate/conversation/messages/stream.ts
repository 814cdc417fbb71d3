import { emptyUsage, type TokenUsage } from "../../../usage/token-usage.ts";
import type { AnswerEvent, PartBegin } from "../answer.ts";
import type { AnswerContext, StreamWriter } from "../codec.ts";
import { writeError } from "./error.ts";
import { STOP_REASONS } from "./finish-reason.ts";
import { writeUsage } from "./usage.ts";

type Of<Type extends AnswerEvent["type"]> = Extract<AnswerEvent, { type: Type }>;

/**
 * Writes the events of a streamed message: https://docs.anthropic.com/en/docs/build-with-claude/streaming. Usage and stop reason
 * go into one `message_delta`, which therefore waits for the end.
 */
export class MessageStreamWriter implements StreamWriter {
  readonly #context: AnswerContext;
  /** Index of the block of each open part; parts without a block (a vendor's own) are not in it. */
  readonly #blocks = new Map<number, number>();
  #nextBlock = 0;
  #usage: TokenUsage = emptyUsage();
  #stop: Of<"stop"> | undefined;

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  write(event: AnswerEvent): string {
    // A message is one choice.
    if ("choice" in event && event.choice !== 0) return "";
    switch (event.type) {
      case "start":
        return this.#start(event);
      case "part":
        return this.#begin(event.part, event.begin);
      case "text":
        return this.#delta(event.part, { type: "text_delta", text: event.text });
      case "thinking":
        return this.#delta(event.part, { type: "thinking_delta", thinking: event.text });
      case "signature":
        return this.#delta(event.part, { type: "signature_delta", signature: event.signature });
      case "arguments":
        return this.#delta(event.part, { type: "input_json_delta", partial_json: event.text });
      case "part-end":
        return this.#end(event.part);
      case "stop":
        this.#stop = event;
        return "";
      case "usage":
        this.#usage = event.usage;
        return "";
      case "ping":
        return sse("ping", {});
      case "error":
        return `event: error\ndata: ${JSON.stringify(writeError(event.error, this.#context.requestId))}\n\n`;
      case "done":
        return this.#finish();
    }
  }

  #start({ id, model }: Of<"start">): string {
    const message = {
      id: id === "" ? `msg_${this.#context.newId()}` : id,
      type: "message",
      role: "assistant",
      content: [],
      model: model === "" ? this.#context.model : model,
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 0, output_tokens: 0 },
    };
    return sse("message_start", { message });
  }

  #begin(part: number, begin: PartBegin): string {
    const block = writeBegin(begin);
    if (block === undefined) return "";
    const index = this.#nextBlock++;
    this.#blocks.set(part, index);
    return sse("content_block_start", { index, content_block: block });
  }

  #delta(part: number, delta: object): string {
    const index = this.#blocks.get(part);
    return index === undefined ? "" : sse("content_block_delta", { index, delta });
  }

  #end(part: number): string {
    const index = this.#blocks.get(part);
    this.#blocks.delete(part);
    return index === undefined ? "" : sse("content_block_stop", { index });
  }

  #finish(): string {
    const delta = {
      stop_reason: STOP_REASONS[this.#stop?.reason ?? "end"],
      stop_sequence: this.#stop?.stopSequence ?? null,
    };
    return sse("message_delta", { delta, usage: writeUsage(this.#usage) }) + sse("message_stop", {});
  }
}

/** The block as it begins; undefined for parts that no other dialect has. */
function writeBegin(begin: PartBegin): object | undefined {
  switch (begin.type) {
    case "text":
    case "refusal":
      return { type: "text", text: "" };
    case "thinking":
      return { type: "thinking", thinking: "", signature: "" };
    case "redacted-thinking":
      return { type: "redacted_thinking", data: begin.data };
    case "tool-call":
      return { type: "tool_use", id: begin.id, name: begin.name, input: {} };
    case "vendor":
      return undefined;
  }
}

function sse(type: string, members: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`;
}
