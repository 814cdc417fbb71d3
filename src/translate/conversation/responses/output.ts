import type { AnswerPart, PartBegin } from "../answer.ts";
import { CallItem } from "./call-item.ts";
import { CustomCallItem } from "./custom-call-item.ts";
import { type Emit, type ItemPlace, itemId, type OpenItem } from "./item.ts";
import { MessageItem } from "./message-item.ts";
import { ReasoningItem } from "./reasoning-item.ts";

type ToolCall = Extract<PartBegin, { type: "tool-call" }>;
type Growth = "text" | "thinking" | "arguments";

/** What a part grows by. */
const GROWTH: Readonly<Partial<Record<PartBegin["type"], Growth>>> = {
  text: "text",
  refusal: "text",
  thinking: "thinking",
  "tool-call": "arguments",
};

/**
 * The output of a response, built part by part: parts of text that follow one another are one message, any other part is an item
 * of its own. An item is closed when the next one begins or the model stops, for only then is known whether it was cut short. Parts
 * that say nothing leave no item.
 */
export class Output {
  /** The items that are closed. */
  readonly items: object[] = [];
  readonly #responseId: string;
  readonly #emit: Emit;
  readonly #customTools: ReadonlySet<unknown>;
  #open: OpenItem | undefined;
  #part: number | undefined;
  #begun: PartBegin | AnswerPart | undefined;

  /**
   * @param emit Told of every step, as the events of a stream.
   * @param customTools Names of the tools whose calls are of another kind.
   */
  constructor(responseId: string, emit: Emit, customTools: ReadonlySet<unknown>) {
    this.#responseId = responseId;
    this.#emit = emit;
    this.#customTools = customTools;
  }

  /** Begins a part; the one before it is ended. */
  begin(part: number, begin: PartBegin | AnswerPart): void {
    const isSaid = begin.type === "text" || begin.type === "refusal";
    if (isSaid && this.#open instanceof MessageItem) this.#open.endPart();
    else if (begin.type !== "vendor") this.close("completed");
    this.#part = part;
    this.#begun = begin;
    if (begin.type === "tool-call") this.#open = this.#call(begin);
    else if (begin.type === "redacted-thinking") this.#reasoning().redact(begin.data);
  }

  /** Adds to the part that was begun last; what is for another part, or of another kind than the part, is passed over. */
  grow(part: number, growth: Growth, text: string): void {
    const type = this.#begun?.type;
    if (part !== this.#part || text === "" || type === undefined || GROWTH[type] !== growth) return;
    if (type === "text" || type === "refusal") this.#message().grow(type, text);
    else if (type === "thinking") this.#reasoning().grow(text);
    else if (this.#open instanceof CallItem || this.#open instanceof CustomCallItem) this.#open.grow(text);
  }

  /** Adds to the signature of the part of thinking that was begun last. */
  sign(part: number, signature: string | undefined): void {
    if (part !== this.#part || this.#begun?.type !== "thinking" || signature === undefined || signature === "") return;
    this.#reasoning().sign(signature);
  }

  /** Adds annotations to the text that was begun last. */
  annotate(part: number, annotations: readonly unknown[] = []): void {
    if (part === this.#part && this.#open instanceof MessageItem) this.#open.annotate(annotations);
  }

  /**
   * Closes the item that is open.
   *
   * @param logprobs OpenAI's `logprobs` object of the choice.
   */
  close(status: "completed" | "incomplete", logprobs?: unknown): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    this.#part = undefined;
    const item = open.close(status, logprobs);
    this.#emit("response.output_item.done", { output_index: this.items.length, item });
    this.items.push(item);
  }

  /** Drops the rest after a failure: the item that is open stays as it is. */
  abandon(): void {
    const open = this.#open;
    this.#open = undefined;
    this.#part = undefined;
    if (open !== undefined) this.items.push(open.snapshot("incomplete"));
  }

  #call(begin: ToolCall): CallItem | CustomCallItem {
    if (this.#customTools.has(begin.name)) return new CustomCallItem(this.#place("ctc"), begin);
    return new CallItem(this.#place("fc"), begin);
  }

  #message(): MessageItem {
    if (this.#open instanceof MessageItem) return this.#open;
    const item = new MessageItem(this.#place("msg"));
    this.#open = item;
    return item;
  }

  #reasoning(): ReasoningItem {
    if (this.#open instanceof ReasoningItem) return this.#open;
    const item = new ReasoningItem(this.#place("rs"));
    this.#open = item;
    return item;
  }

  #place(prefix: string): ItemPlace {
    const index = this.items.length;
    return { id: itemId(prefix, this.#responseId, index), index, emit: this.#emit };
  }
}
