import { emitAdded, type ItemPlace, type OpenItem } from "./item.ts";
import { encryptedContent, encryptedRedacted } from "./reasoning.ts";

/** Reasoning that is being written: https://platform.openai.com/docs/api-reference/responses-streaming/response/reasoning_summary_text */
export class ReasoningItem implements OpenItem {
  readonly #place: ItemPlace;
  #text = "";
  #signature = "";
  #redacted: string | undefined;

  constructor(place: ItemPlace) {
    this.#place = place;
    emitAdded(place, this);
  }

  grow(text: string): void {
    if (this.#text === "") this.#emit("response.reasoning_summary_part.added", { part: summaryText("") });
    this.#text += text;
    this.#emit("response.reasoning_summary_text.delta", { delta: text });
  }

  sign(signature: string): void {
    this.#signature += signature;
  }

  redact(data: string): void {
    this.#redacted = encryptedRedacted(data);
  }

  snapshot(): object {
    const summary = this.#text === "" ? [] : [summaryText(this.#text)];
    const sealed = this.#redacted ?? encryptedContent(this.#signature);
    const item = { id: this.#place.id, type: "reasoning", summary };
    return sealed === undefined ? item : { ...item, encrypted_content: sealed };
  }

  close(): object {
    if (this.#text !== "") {
      this.#emit("response.reasoning_summary_text.done", { text: this.#text });
      this.#emit("response.reasoning_summary_part.done", { part: summaryText(this.#text) });
    }
    return this.snapshot();
  }

  #emit(type: string, members: object): void {
    const { id, index, emit } = this.#place;
    emit(type, { item_id: id, output_index: index, summary_index: 0, ...members });
  }
}

function summaryText(text: string): object {
  return { type: "summary_text", text };
}
