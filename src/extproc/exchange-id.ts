/** Ids of the requests under way: ours, never ones that came with a request, which two callers may share. */

/** Under which key of the dynamic metadata a request carries its id, to its attempts and into the access log. */
export const ID_KEY = "exchange_id";

/** Makes ids that say which process made them. */
export class ExchangeIds {
  readonly #prefix: string;
  #count = 0;

  /**
   * @param process Index of this process among those that serve one Envoy.
   * @param nonce Tells it from the one that had its place before.
   */
  constructor(process: number, nonce: string) {
    this.#prefix = `${process}-${nonce}-`;
  }

  /** Whether an id is of this process. */
  isOurs(id: string): boolean {
    return id.startsWith(this.#prefix);
  }

  next(): string {
    this.#count += 1;
    return this.#prefix + this.#count;
  }
}

/** The process that an id was made by; -1 for something that is no id. */
export function processOf(id: string): number {
  const dash = id.indexOf("-");
  return dash > 0 ? Number(id.slice(0, dash)) : -1;
}
