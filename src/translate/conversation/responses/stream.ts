import type { AnswerEvent, VendorError } from "../answer.ts";
import type { AnswerContext, StreamWriter } from "../codec.ts";
import { customToolNames } from "./custom-tools.ts";
import { type Ending, endingOf } from "./finish-reason.ts";
import { Output } from "./output.ts";
import { type ResponseHead, type ResponseState, responseHead, writeResponse } from "./response.ts";
import { writeUsage } from "./usage.ts";

type Of<Type extends AnswerEvent["type"]> = Extract<AnswerEvent, { type: Type }>;

/** A response that has begun. */
interface Begun {
  readonly head: ResponseHead;
  readonly output: Output;
}

/** Writes the events of a streamed response, numbered from 0: https://platform.openai.com/docs/api-reference/responses-streaming */
export class ResponseStreamWriter implements StreamWriter {
  readonly #context: AnswerContext;
  /** What the event that is being written has become so far. */
  #written = "";
  #sequence = 0;
  #begun: Begun | undefined;
  #ending: Ending = endingOf("end");
  #extensions: object = {};
  #usage: object | null = null;

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  write(event: AnswerEvent): string {
    // A response is one choice.
    if ("choice" in event && event.choice !== 0) return "";
    this.#written = "";
    this.#take(event);
    return this.#written;
  }

  #take(event: AnswerEvent): void {
    switch (event.type) {
      case "start":
        this.#start(event);
        return;
      case "usage":
        this.#usage = writeUsage(event.usage);
        return;
      case "ping":
        // A comment: the dialect has no event that says nothing.
        this.#written = ": ping\n\n";
        return;
      case "error":
        this.#fail(event.error);
        return;
      case "done":
        this.#end();
        return;
      case "stop":
        this.#stop(event);
        return;
      default:
        this.#takePart(event);
    }
  }

  #takePart(event: Of<"part" | "text" | "thinking" | "arguments" | "signature" | "part-end">): void {
    const { output } = this.#checkBegun();
    switch (event.type) {
      case "part":
        output.begin(event.part, event.begin);
        return;
      case "signature":
        output.sign(event.part, event.signature);
        return;
      case "part-end":
        output.annotate(event.part, event.annotations);
        return;
      default:
        output.grow(event.part, event.type, event.text);
    }
  }

  #start({ id, model, createdAt }: Omit<Of<"start">, "type">): Begun {
    if (this.#begun !== undefined) return this.#begun;
    const head = responseHead({ id, model, createdAt }, this.#context);
    const emit = (type: string, members: object): void => this.#emit(type, members);
    const begun = { head, output: new Output(head.id, emit, customToolNames(this.#context.request)) };
    this.#begun = begun;
    const response = this.#write(begun, { status: "in_progress" });
    this.#emit("response.created", { response });
    this.#emit("response.in_progress", { response });
    return begun;
  }

  #checkBegun(): Begun {
    return this.#begun ?? this.#start({ id: "", model: "", createdAt: undefined });
  }

  #stop({ reason, logprobs, extensions = {} }: Of<"stop">): void {
    this.#ending = endingOf(reason);
    this.#extensions = extensions;
    this.#checkBegun().output.close(this.#ending.status, logprobs);
  }

  #end(): void {
    const begun = this.#checkBegun();
    begun.output.close(this.#ending.status);
    const response = { ...this.#write(begun, this.#ending), ...this.#extensions };
    this.#emit(`response.${this.#ending.status}`, { response });
  }

  /**
   * OpenAI says an error twice, by itself and in the response that failed of it. SDKs raise what is in the member `error`; the
   * documentation has its fields in the event itself.
   */
  #fail({ type, message, status, code = String(status), param = null }: AsSent): void {
    const begun = this.#checkBegun();
    begun.output.abandon();
    this.#emit("error", { code, message, param, error: { type, code, message, param } });
    const error = { code: status === 429 ? "rate_limit_exceeded" : "server_error", message };
    this.#emit("response.failed", { response: this.#write(begun, { status: "failed", error }) });
  }

  #write({ head, output }: Begun, state: Partial<ResponseState> & Pick<ResponseState, "status">): object {
    return writeResponse(head, this.#context, {
      ...{ incomplete_details: null, error: null, output: output.items, usage: this.#ended(state.status) },
      ...state,
    });
  }

  #ended(status: ResponseState["status"]): object | null {
    return status === "in_progress" ? null : this.#usage;
  }

  #emit(type: string, members: object): void {
    const event = { type, sequence_number: this.#sequence++, ...members };
    this.#written += `event: ${type}\ndata: ${JSON.stringify(event)}\n\n`;
  }
}

type AsSent = Omit<VendorError, "param"> & { readonly param?: string | null | undefined };
