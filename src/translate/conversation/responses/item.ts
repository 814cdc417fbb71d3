/** Takes an event of a stream, without its type's envelope. */
export type Emit = (type: string, members: object) => void;

/** Where an item stands. */
export interface ItemPlace {
  readonly id: string;
  /** In the output. */
  readonly index: number;
  readonly emit: Emit;
}

/** An item of the output that is being written. It is added to the stream when it is made. */
export interface OpenItem {
  /** The item as it is now. */
  snapshot(status: "in_progress" | "completed" | "incomplete"): object;
  /** Ends what is open in the item and returns it. */
  close(status: "completed" | "incomplete", logprobs: unknown): object;
}

/** Id of an item: no two of one response are the same, and a replayed answer has the same ones again. */
export function itemId(prefix: string, responseId: string, index: number): string {
  return `${prefix}_${responseId.slice("resp_".length)}_${index}`;
}

/** Tells the stream of an item that was begun. */
export function emitAdded({ index, emit }: ItemPlace, item: OpenItem): void {
  emit("response.output_item.added", { output_index: index, item: item.snapshot("in_progress") });
}
