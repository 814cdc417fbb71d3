import { isRecord } from "../read.ts";
import { emitAdded, type ItemPlace, type OpenItem } from "./item.ts";

type SaidType = "text" | "refusal";

/** A part of a message's content that grows. */
interface Said {
  readonly type: SaidType;
  text: string;
  readonly annotations: unknown[];
  logprobs: readonly unknown[];
}

/** A message that is being written: https://platform.openai.com/docs/api-reference/responses-streaming/response/content_part */
export class MessageItem implements OpenItem {
  readonly #place: ItemPlace;
  readonly #content: object[] = [];
  #said: Said | undefined;

  constructor(place: ItemPlace) {
    this.#place = place;
    emitAdded(place, this);
  }

  grow(type: SaidType, text: string): void {
    const said = this.#said ?? this.#beginPart(type);
    said.text += text;
    if (type === "refusal") this.#emit("response.refusal.delta", { delta: text });
    else this.#emit("response.output_text.delta", { delta: text, logprobs: [] });
  }

  annotate(annotations: readonly unknown[]): void {
    const said = this.#said;
    if (said?.type !== "text") return;
    for (const given of annotations) {
      const annotation = writeAnnotation(given);
      const annotation_index = said.annotations.push(annotation) - 1;
      this.#emit("response.output_text.annotation.added", { annotation_index, annotation });
    }
  }

  endPart(): void {
    const said = this.#said;
    if (said === undefined) return;
    const part = writePart(said);
    if (said.type === "refusal") this.#emit("response.refusal.done", { refusal: said.text });
    else this.#emit("response.output_text.done", { text: said.text, logprobs: said.logprobs });
    this.#emit("response.content_part.done", { part });
    this.#said = undefined;
    this.#content.push(part);
  }

  snapshot(status: "in_progress" | "completed" | "incomplete"): object {
    const open = this.#said === undefined ? [] : [writePart(this.#said)];
    const { id } = this.#place;
    return { id, type: "message", status, role: "assistant", content: [...this.#content, ...open] };
  }

  close(status: "completed" | "incomplete", logprobs: unknown): object {
    if (this.#said !== undefined && isRecord(logprobs) && Array.isArray(logprobs["content"])) {
      this.#said.logprobs = logprobs["content"];
    }
    this.endPart();
    return this.snapshot(status);
  }

  #beginPart(type: SaidType): Said {
    const said: Said = { type, text: "", annotations: [], logprobs: [] };
    this.#emit("response.content_part.added", { part: writePart(said) });
    this.#said = said;
    return said;
  }

  /** What concerns the part that is open, or the one that is about to be. */
  #emit(type: string, members: object): void {
    const { id, index, emit } = this.#place;
    emit(type, { item_id: id, output_index: index, content_index: this.#content.length, ...members });
  }
}

function writePart({ type, text, annotations, logprobs }: Said): object {
  if (type === "refusal") return { type, refusal: text };
  return { type: "output_text", annotations: [...annotations], logprobs, text };
}

/** Chat completions have the citation inside a member of its name, responses beside its type. */
function writeAnnotation(annotation: unknown): unknown {
  if (!isRecord(annotation) || !isRecord(annotation["url_citation"])) return annotation;
  const { type, url_citation: citation } = annotation;
  return { type, start_index: 0, end_index: 0, ...citation };
}
