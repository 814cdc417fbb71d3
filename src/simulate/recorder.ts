/** Keeps what a simulator was asked, for tests. */
import type { IncomingMessage } from "node:http";

/** A request as the simulator saw it. */
export interface RecordedRequest {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  /** Lower-case names; values of repeated headers joined as node:http does. */
  readonly headers: Readonly<Record<string, string>>;
  /** Alternating names and values exactly as they came. */
  readonly rawHeaders: readonly string[];
  /** Empty until all of it has come. */
  readonly body: Buffer;
  /** Whether the peer went before it had the whole answer; final once {@link ended} is settled. */
  readonly aborted: boolean;
  /** Settles when the answer has been sent or the peer is gone. */
  readonly ended: Promise<void>;
}

/** The simulator's side of a record. */
export interface Recorded {
  body(bytes: Buffer): void;
  end(aborted: boolean): void;
}

const NOTHING: Recorded = { body: () => undefined, end: () => undefined };

/** A bounded list of the last requests. */
export class Recorder {
  readonly requests: RecordedRequest[] = [];
  readonly #limit: number;

  /** `limit` 0 records nothing. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Notes that a request has begun. */
  start(request: IncomingMessage): Recorded {
    if (this.#limit === 0) return NOTHING;
    const { promise, resolve } = Promise.withResolvers<void>();
    const entry = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
      rawHeaders: request.rawHeaders,
      body: Buffer.alloc(0) as Buffer,
      aborted: false,
      ended: promise,
    };
    this.requests.push(entry);
    if (this.requests.length > this.#limit) this.requests.shift();
    return {
      body: (bytes) => {
        entry.body = bytes;
      },
      end: (aborted) => {
        entry.aborted = aborted;
        resolve();
      },
    };
  }
}
