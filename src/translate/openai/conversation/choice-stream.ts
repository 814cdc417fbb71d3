import { nonEmptyString } from "../../answer-json.ts";
import type { AnswerEvent, PartBegin } from "../../conversation/answer.ts";
import type { JsonRecord } from "../../conversation/read.ts";
import { readStopReason } from "./finish-reason.ts";
import { type Call, callsOf, type Thought, textOf, thoughtsOf } from "./said.ts";

/** A tool call of a stream: begun, or held back until it can be. */
interface StreamedCall {
  readonly index: number | undefined;
  id: string;
  name: string;
  signature: string | undefined;
  /** Arguments that came before the part was begun. */
  held: string;
  part: number | undefined;
}

/**
 * Turns the deltas of one choice into parts that follow one another.
 * https://platform.openai.com/docs/api-reference/chat-streaming/streaming
 */
export class ChoiceStream {
  readonly #index: number;
  readonly #newId: () => string;
  readonly #emit: (event: AnswerEvent) => void;
  readonly #calls: StreamedCall[] = [];
  #parts = 0;
  #open: { readonly part: number; readonly type: PartBegin["type"] } | undefined;
  #isSigned = false;
  #hasPlainThoughts = false;
  #refuses = false;
  #isFinished = false;

  /** @param emit Takes the events; those after an error are dropped by it. */
  constructor(index: number, newId: () => string, emit: (event: AnswerEvent) => void) {
    this.#index = index;
    this.#newId = newId;
    this.#emit = emit;
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** What a delta says; after the end nothing counts. */
  read(delta: JsonRecord): void {
    if (this.#isFinished) return;
    for (const thought of thoughtsOf(delta)) this.#think(thought);
    const text = textOf(delta);
    // Some parsers of tool calls leave white space between them, for which no call is ended.
    if (text !== "" && (this.#calls.length === 0 || text.trim() !== "")) this.#say("text", text);
    const refusal = nonEmptyString(delta["refusal"]);
    if (refusal !== undefined) {
      this.#refuses = true;
      this.#say("refusal", refusal);
    }
    for (const call of callsOf(delta)) this.#call(call);
  }

  finish(reason: unknown): void {
    if (this.#isFinished) return;
    this.#beginHeldCalls();
    this.#close();
    this.#isFinished = true;
    this.#emit({
      type: "stop",
      choice: this.#index,
      reason: readStopReason(reason, { calls: this.#calls.length > 0, refuses: this.#refuses }),
      vendorReason: nonEmptyString(reason),
      stopSequence: undefined,
    });
  }

  #think({ text, signature, data, isBlock }: Thought): void {
    if (data !== undefined) {
      this.#begin({ type: "redacted-thinking", data });
      this.#close();
      return;
    }
    const isRepeated = isBlock && this.#hasPlainThoughts;
    if (text !== "" && !isRepeated) {
      this.#hasPlainThoughts ||= !isBlock;
      if (this.#open?.type !== "thinking" || this.#isSigned) this.#begin({ type: "thinking" });
      this.#emit({ type: "thinking", choice: this.#index, part: this.#openPart, text });
    }
    if (signature === undefined) return;
    if (this.#open?.type !== "thinking") this.#begin({ type: "thinking" });
    this.#emit({ type: "signature", choice: this.#index, part: this.#openPart, signature });
    this.#isSigned = true;
  }

  #say(type: "text" | "refusal", text: string): void {
    if (this.#open?.type !== type) {
      this.#beginHeldCalls();
      this.#begin({ type });
    }
    this.#emit({ type: "text", choice: this.#index, part: this.#openPart, text });
  }

  /**
   * A call begins as soon as it is named, but while another one is open it waits for its first arguments: some servers announce
   * all calls at once.
   */
  #call(said: Call): void {
    const call = this.#find(said);
    call.id ||= said.id;
    call.name ||= said.name;
    call.signature ??= said.signature;
    if (call.part === undefined) {
      call.held += said.arguments;
      if (call.name !== "" && (this.#open?.type !== "tool-call" || call.held !== "")) this.#beginHeldCalls(call);
    } else if (said.arguments !== "") {
      this.#grow(call.part, said.arguments);
    }
  }

  #grow(part: number, text: string): void {
    if (this.#open?.part === part) {
      this.#emit({ type: "arguments", choice: this.#index, part, text });
      return;
    }
    const message = "the provider sent arguments for a tool call that had ended";
    this.#emit({ type: "error", error: { type: "invalid_event", message, status: 502 } });
  }

  /** The call that a delta is part of. An index that comes with another id is another call: some servers number all 0. */
  #find({ index, id, name }: Call): StreamedCall {
    const known =
      index === undefined && (id !== "" || name !== "")
        ? this.#calls.findLast((call) => id !== "" && call.id === id)
        : this.#calls.findLast((call) => index === undefined || call.index === index);
    if (known !== undefined && (id === "" || known.id === "" || known.id === id)) return known;
    const call: StreamedCall = { index, id: "", name: "", signature: undefined, held: "", part: undefined };
    this.#calls.push(call);
    return call;
  }

  /** Begins the calls that wait, in order; up to `last` if one is given. */
  #beginHeldCalls(last?: StreamedCall): void {
    for (const call of this.#calls) {
      if (call.part === undefined) this.#beginCall(call);
      if (call === last) return;
    }
  }

  #beginCall(call: StreamedCall): void {
    const id = call.id === "" ? `call_${this.#newId()}` : call.id;
    const part = this.#begin({ type: "tool-call", id, name: call.name, signature: call.signature });
    call.part = part;
    if (call.held !== "") this.#emit({ type: "arguments", choice: this.#index, part, text: call.held });
  }

  #begin(begin: PartBegin): number {
    this.#close();
    const part = this.#parts++;
    this.#open = { part, type: begin.type };
    this.#isSigned = false;
    this.#emit({ type: "part", choice: this.#index, part, begin });
    return part;
  }

  #close(): void {
    if (this.#open !== undefined) this.#emit({ type: "part-end", choice: this.#index, part: this.#open.part });
    this.#open = undefined;
  }

  /** The part that was begun just now, or is still open. */
  get #openPart(): number {
    return this.#parts - 1;
  }
}
