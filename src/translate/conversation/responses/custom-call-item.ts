import type { PartBegin } from "../answer.ts";
import { writeSignature } from "../chat-completions/tools.ts";
import { customInput } from "./custom-tools.ts";
import { emitAdded, type ItemPlace, type OpenItem } from "./item.ts";

type Call = Extract<PartBegin, { type: "tool-call" }>;

/**
 * A call of a custom tool that is being written: https://platform.openai.com/docs/api-reference/responses-streaming/response/custom_tool_call_input
 * Its input stands inside JSON, and is told when that is whole.
 */
export class CustomCallItem implements OpenItem {
  readonly #place: ItemPlace;
  readonly #call: Call;
  #arguments = "";
  #input = "";

  constructor(place: ItemPlace, call: Call) {
    this.#place = place;
    this.#call = call;
    emitAdded(place, this);
  }

  grow(text: string): void {
    this.#arguments += text;
  }

  snapshot(status: "in_progress" | "completed" | "incomplete"): object {
    const { id, name, signature } = this.#call;
    const call = { id: this.#place.id, type: "custom_tool_call", status, call_id: id, input: this.#input, name };
    return signature === undefined ? call : { ...call, extra_content: writeSignature(signature) };
  }

  close(status: "completed" | "incomplete"): object {
    this.#input = customInput(this.#arguments);
    if (this.#input !== "") this.#emit("response.custom_tool_call_input.delta", { delta: this.#input });
    this.#emit("response.custom_tool_call_input.done", { input: this.#input });
    return this.snapshot(status);
  }

  #emit(type: string, members: object): void {
    const { id, index, emit } = this.#place;
    emit(type, { item_id: id, output_index: index, ...members });
  }
}
