import { GatewayError } from "../../../errors/gateway-error.ts";
import { emptyUsage, type TokenUsage } from "../../../usage/token-usage.ts";
import { completeEvent, EventCursor, EventSplitter } from "../../../wire/sse.ts";
import { nonEmptyString } from "../../answer-json.ts";
import type { AnswerEvent, VendorError } from "../../conversation/answer.ts";
import type { StreamReader } from "../../conversation/codec.ts";
import { isRecord, type JsonRecord } from "../../conversation/read.ts";
import { parseRecord } from "../../json-body.ts";
import { noteCompletionUsage } from "../usage.ts";
import { ChoiceStream } from "./choice-stream.ts";
import { errorOf } from "./error.ts";
import { records } from "./said.ts";

const DONE = Buffer.from("[DONE]");
const ERROR_EVENT = Buffer.from("error");

/** Reads a streamed chat completion: https://platform.openai.com/docs/api-reference/chat-streaming */
export class ChatStreamReader implements StreamReader {
  readonly #newId: () => string;
  readonly #splitter = new EventSplitter();
  readonly #cursor = new EventCursor();
  readonly #choices = new Map<number, ChoiceStream>();
  #events: AnswerEvent[] = [];
  #isStarted = false;
  #isOver = false;
  /** The last word counts, whichever chunk it is on. */
  #usage: TokenUsage | undefined;

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  push(chunk: Uint8Array, out: AnswerEvent[]): void {
    this.#events = out;
    this.#read(this.#splitter.push(chunk));
  }

  /** A stream without `[DONE]` is whole when every choice has its finish reason. */
  end(out: AnswerEvent[]): void {
    this.#events = out;
    const rest = completeEvent(this.#splitter.end());
    if (isWhole(rest)) this.#read(rest);
    const choices = [...this.#choices.values()];
    if (choices.length > 0 && choices.every(({ isFinished }) => isFinished)) this.#finish();
  }

  readonly #emit = (event: AnswerEvent): void => {
    if (this.#isOver) return;
    this.#events.push(event);
    if (event.type === "error" || event.type === "done") this.#isOver = true;
  };

  #read(bytes: Buffer): void {
    const cursor = this.#cursor;
    cursor.load(bytes);
    while (!this.#isOver && cursor.next()) {
      if (cursor.isData(DONE)) this.#finish();
      else this.#readEvent(parseRecord(cursor.data()), cursor.isType(ERROR_EVENT));
    }
  }

  #readEvent(chunk: JsonRecord | undefined, isError: boolean): void {
    if (chunk === undefined) {
      throw new GatewayError("upstream_invalid", "the provider sent an event that is not a JSON object");
    }
    const { choices, usage } = chunk;
    const mayFail = isError || !Array.isArray(choices) || isRecord(chunk["error"]);
    const error = mayFail ? errorOf(chunk, 502) : undefined;
    if (error !== undefined || isError) {
      this.#emit({ type: "error", error: error ?? UNKNOWN_ERROR });
      return;
    }
    if (isRecord(usage)) {
      this.#usage ??= emptyUsage();
      noteCompletionUsage(usage, this.#usage);
    }
    const said = records(choices);
    // Azure's first chunk is about the prompt and names nothing.
    if (said.length > 0 || nonEmptyString(chunk["id"]) !== undefined) this.#start(chunk);
    for (const choice of said) this.#readChoice(choice);
  }

  #readChoice(choice: JsonRecord): void {
    const stream = this.#choice(typeof choice["index"] === "number" ? choice["index"] : 0);
    if (isRecord(choice["delta"])) stream.read(choice["delta"]);
    const reason = nonEmptyString(choice["finish_reason"]);
    if (reason !== undefined) stream.finish(reason);
  }

  #choice(index: number): ChoiceStream {
    const known = this.#choices.get(index);
    if (known !== undefined) return known;
    const stream = new ChoiceStream(index, this.#newId, this.#emit);
    this.#choices.set(index, stream);
    return stream;
  }

  #start(chunk: JsonRecord): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    const { created } = chunk;
    this.#emit({
      type: "start",
      id: nonEmptyString(chunk["id"]) ?? "",
      model: nonEmptyString(chunk["model"]) ?? "",
      createdAt: typeof created === "number" ? created : undefined,
    });
  }

  #finish(): void {
    this.#start({});
    this.#choice(0);
    for (const stream of this.#choices.values()) stream.finish(undefined);
    if (this.#usage !== undefined) this.#emit({ type: "usage", usage: this.#usage });
    this.#emit({ type: "done" });
  }
}

const UNKNOWN_ERROR: VendorError = { type: "error", message: "the provider reported an error", status: 502 };

/** Whether what is left at the end of a stream is an event that lacks only its blank line. */
function isWhole(rest: Buffer): boolean {
  const cursor = new EventCursor();
  cursor.load(rest);
  return cursor.next() && (cursor.isData(DONE) || parseRecord(cursor.data()) !== undefined);
}
