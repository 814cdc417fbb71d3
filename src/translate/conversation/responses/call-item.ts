import type { PartBegin } from "../answer.ts";
import { writeSignature } from "../chat-completions/tools.ts";
import { emitAdded, type ItemPlace, type OpenItem } from "./item.ts";

type Call = Extract<PartBegin, { type: "tool-call" }>;

/** A call of a function that is being written: https://platform.openai.com/docs/api-reference/responses-streaming/response/function_call_arguments */
export class CallItem implements OpenItem {
  readonly #place: ItemPlace;
  readonly #call: Call;
  #arguments = "";

  constructor(place: ItemPlace, call: Call) {
    this.#place = place;
    this.#call = call;
    emitAdded(place, this);
  }

  grow(text: string): void {
    this.#arguments += text;
    this.#emit("response.function_call_arguments.delta", { delta: text });
  }

  snapshot(status: "in_progress" | "completed" | "incomplete"): object {
    const { id, name, signature } = this.#call;
    const call = { id: this.#place.id, type: "function_call", status, arguments: this.#arguments, call_id: id, name };
    return signature === undefined ? call : { ...call, extra_content: writeSignature(signature) };
  }

  close(status: "completed" | "incomplete"): object {
    // A call of a function without arguments: callers parse the text all the same.
    if (this.#arguments === "" && status === "completed") this.grow("{}");
    this.#emit("response.function_call_arguments.done", { name: this.#call.name, arguments: this.#arguments });
    return this.snapshot(status);
  }

  #emit(type: string, members: object): void {
    const { id, index, emit } = this.#place;
    emit(type, { item_id: id, output_index: index, ...members });
  }
}
