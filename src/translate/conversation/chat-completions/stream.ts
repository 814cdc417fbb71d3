import type { AnswerEvent, PartBegin } from "../answer.ts";
import type { AnswerContext, StreamWriter } from "../codec.ts";
import { writeError } from "./error.ts";
import { finishReason } from "./finish-reason.ts";
import { completionId } from "./response.ts";
import { writeThinkingBlock } from "./thinking.ts";
import { writeSignature } from "./tools.ts";
import { writeUsage } from "./usage.ts";

const DONE = "data: [DONE]\n\n";

type PartEvent = Exclude<AnswerEvent, { type: "start" | "usage" | "ping" | "error" | "done" }>;
type Growth = Extract<PartEvent, { text: string }>;

/** What has been written of a choice. */
interface ChoiceState {
  isRoleWritten: boolean;
  toolCalls: number;
  thinkingBlocks: number;
  /** Of the part that is growing. */
  kind: PartBegin["type"];
  /** Of a part of thinking, for the block that ends it: text and signature. */
  thought: string;
  signature: string;
  /** Of a call: whether it has arguments. */
  hasArguments: boolean;
}

/**
 * Writes a stream of chunks: https://platform.openai.com/docs/api-reference/chat-streaming. Members stand in the order
 * `id, choices, created, model, object, usage`, what is empty is left out, and a choice has its role once. Thinking comes as
 * `reasoning_content`, piece by piece; when a signed block of it ends, the whole block comes in `thinking_blocks`, to be sent
 * back with the next request.
 */
export class ChatStreamWriter implements StreamWriter {
  readonly #context: AnswerContext;
  readonly #choices: (ChoiceState | undefined)[] = [];
  /** What stands before and after the choices of every chunk; made at the start. */
  #head = "";
  #tail = "";
  #usage: object | undefined;

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  write(event: AnswerEvent): string {
    switch (event.type) {
      case "start":
        this.#begin(event.id, event.model, event.createdAt);
        return "";
      case "usage":
        this.#usage = writeUsage(event.usage);
        return "";
      case "ping":
        return this.#chunk(0, "{}", "");
      case "error":
        return `data: ${JSON.stringify(writeError(event.error))}\n\n`;
      case "done":
        return this.#end();
      default:
        return this.#writePart(event);
    }
  }

  #begin(id: string, answered: string, createdAt: number | undefined): void {
    const { newId, now, model } = this.#context;
    this.#head = `data: {"id":${JSON.stringify(completionId(id, newId))},"choices":[`;
    const created = `"created":${createdAt ?? now()},"model":${JSON.stringify(answered || model)}`;
    this.#tail = `],${created},"object":"chat.completion.chunk"`;
  }

  #end(): string {
    const { includeUsage } = this.#context;
    if (!includeUsage || this.#usage === undefined) return DONE;
    this.#checkBegun();
    return `${this.#head}${this.#tail},"usage":${JSON.stringify(this.#usage)}}\n\n${DONE}`;
  }

  #writePart(event: PartEvent): string {
    const state = this.#stateOf(event.choice);
    switch (event.type) {
      case "part":
        return this.#beginPart(event.choice, event.begin);
      case "signature":
        state.signature += event.signature;
        return "";
      case "part-end":
        return this.#endPart(event.choice) + this.#annotate(event.choice, event.annotations);
      case "stop":
        return this.#endPart(event.choice) + this.#stop(event);
      default:
        return this.#grow(event, state);
    }
  }

  #beginPart(choice: number, begin: PartBegin): string {
    const ended = this.#endPart(choice);
    const state = this.#stateOf(choice);
    state.kind = begin.type;
    if (begin.type === "redacted-thinking") return ended + this.#thinkingBlock(choice, writeThinkingBlock(begin));
    if (begin.type !== "tool-call") return ended;
    state.hasArguments = false;
    const call = {
      index: state.toolCalls++,
      id: begin.id,
      function: { arguments: "", name: begin.name },
      type: "function",
      extra_content: writeSignature(begin.signature),
    };
    return ended + this.#delta(choice, "", `"tool_calls":[${JSON.stringify(call)}]`);
  }

  #grow({ type, choice, text }: Growth, state: ChoiceState): string {
    if (text === "") return "";
    const json = JSON.stringify(text);
    if (type === "arguments") return this.#arguments(choice, json);
    if (type === "thinking") {
      state.thought += text;
      return this.#delta(choice, "", `"reasoning_content":${json}`);
    }
    return state.kind === "refusal"
      ? this.#delta(choice, "", `"refusal":${json}`)
      : this.#delta(choice, `"content":${json}`, "");
  }

  /** A piece of the arguments of the last call, as JSON. */
  #arguments(choice: number, json: string): string {
    const state = this.#stateOf(choice);
    state.hasArguments = true;
    const call = `{"index":${state.toolCalls - 1},"id":null,"function":{"arguments":${json},"name":""}}`;
    return this.#delta(choice, "", `"tool_calls":[${call}]`);
  }

  /** What a part lacks when it ends, by its own end, by the next one's beginning or with its choice. */
  #endPart(choice: number): string {
    const state = this.#stateOf(choice);
    const { kind, thought, signature, hasArguments } = state;
    state.kind = "text";
    // A call of a function without arguments: callers parse the text all the same.
    if (kind === "tool-call" && !hasArguments) return this.#arguments(choice, '"{}"');
    if (kind !== "thinking") return "";
    state.thought = "";
    state.signature = "";
    return this.#thinkingBlock(choice, writeThinkingBlock({ type: "thinking", text: thought, signature }));
  }

  /** Blocks are numbered as tool calls are, since SDKs join lists of deltas by `index`. */
  #thinkingBlock(choice: number, block: object | undefined): string {
    if (block === undefined) return "";
    const state = this.#stateOf(choice);
    const numbered = { index: state.thinkingBlocks++, ...block };
    return this.#delta(choice, "", `"thinking_blocks":[${JSON.stringify(numbered)}]`);
  }

  #annotate(choice: number, annotations: readonly unknown[] = []): string {
    return annotations.length === 0 ? "" : this.#delta(choice, "", `"annotations":${JSON.stringify(annotations)}`);
  }

  #stop({ choice, reason, logprobs, extensions = {} }: Extract<AnswerEvent, { type: "stop" }>): string {
    const { isRoleWritten } = this.#stateOf(choice);
    const end = JSON.stringify({ logprobs, finish_reason: finishReason(reason), ...extensions }).slice(1, -1);
    return this.#chunk(choice, isRoleWritten ? "{}" : '{"content":"","role":"assistant"}', `,${end}`);
  }

  /** @param content What stands before the role. */
  #delta(choice: number, content: string, rest: string): string {
    const state = this.#stateOf(choice);
    const role = state.isRoleWritten ? "" : '"role":"assistant"';
    state.isRoleWritten = true;
    const members = role === "" ? content + rest : [content, role, rest].filter((member) => member !== "").join(",");
    return this.#chunk(choice, `{${members}}`, "");
  }

  #chunk(choice: number, delta: string, rest: string): string {
    this.#checkBegun();
    return `${this.#head}{"index":${choice},"delta":${delta}${rest}}${this.#tail}}\n\n`;
  }

  #checkBegun(): void {
    if (this.#head === "") this.#begin("", "", undefined);
  }

  #stateOf(choice: number): ChoiceState {
    const known = this.#choices[choice];
    if (known !== undefined) return known;
    const state: ChoiceState = {
      isRoleWritten: false,
      toolCalls: 0,
      thinkingBlocks: 0,
      kind: "text",
      thought: "",
      signature: "",
      hasArguments: false,
    };
    this.#choices[choice] = state;
    return state;
  }
}
