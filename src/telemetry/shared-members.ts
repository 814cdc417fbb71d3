/** Members of a log line that most requests of a model to a backend share: they are made once and kept. */
import { type LineBytes, type Literal, literal } from "./line-bytes.ts";
import type { RequestRecord } from "./request-record.ts";

/** How many are kept; more than any configuration has in use at a time. */
const KEPT_MAX = 1000;

/** What is kept, and what it was made of. */
interface Kept {
  readonly method: string;
  readonly path: string;
  readonly endpoint: string;
  readonly operation: string;
  readonly route: string;
  readonly rule: string;
  readonly provider: string;
  readonly requestModel: string;
  readonly responseModel: string;
  readonly members: Literal;
}

/** Appends them, from those kept where they are the same. */
export class SharedMembers {
  readonly #textMax: number;
  /** Those made last, by backend and original model. */
  readonly #kept = new Map<string, Map<string, Kept>>();
  #size = 0;

  /** @param textMax Longest text of one member. */
  constructor(textMax: number) {
    this.#textMax = textMax;
  }

  append(line: LineBytes, record: RequestRecord): void {
    const kept = this.#kept.get(record.backend)?.get(record.originalModel);
    if (kept !== undefined && isFor(kept, record)) {
      line.literal(kept.members);
      return;
    }
    const start = line.length;
    appendShared(line, record, this.#textMax);
    // Only of what a provider has served: names that callers make up would push out the others.
    if (record.outcome === "ok") this.#keep(record, line.literalFrom(start));
  }

  #keep(record: RequestRecord, members: Literal): void {
    if (this.#size >= KEPT_MAX) {
      this.#kept.clear();
      this.#size = 0;
    }
    const { backend, originalModel, method, path, endpoint, operation, route, rule, provider } = record;
    const { requestModel, responseModel } = record;
    let ofBackend = this.#kept.get(backend);
    if (ofBackend === undefined) {
      ofBackend = new Map();
      this.#kept.set(backend, ofBackend);
    }
    if (!ofBackend.has(originalModel)) this.#size++;
    const made = { method, path, endpoint, operation, route, rule, provider, requestModel, responseModel, members };
    ofBackend.set(originalModel, made);
  }
}

function isFor(kept: Kept, record: RequestRecord): boolean {
  return (
    kept.method === record.method &&
    kept.path === record.path &&
    kept.endpoint === record.endpoint &&
    kept.operation === record.operation &&
    kept.route === record.route &&
    kept.rule === record.rule &&
    kept.provider === record.provider &&
    kept.requestModel === record.requestModel &&
    kept.responseModel === record.responseModel
  );
}

const KEYS = {
  originalModel: literal(',"gen_ai.original.model":"'),
  requestModel: literal(',"gen_ai.request.model":"'),
  responseModel: literal(',"gen_ai.response.model":"'),
  method: literal(',"method":"'),
  path: literal(',"path":"'),
  endpoint: literal(',"endpoint":"'),
  route: literal(',"route":"'),
  rule: literal(',"rule":"'),
  backend: literal(',"backend":"'),
  operation: literal(',"gen_ai.operation.name":"'),
  provider: literal(',"gen_ai.provider.name":"'),
};

/** Makes them anew, texts at most so long. */
export function appendShared(line: LineBytes, record: RequestRecord, textMax: number): void {
  line.member(KEYS.originalModel, record.originalModel, textMax);
  line.member(KEYS.requestModel, record.requestModel, textMax);
  line.member(KEYS.responseModel, record.responseModel, textMax);
  line.member(KEYS.method, record.method, textMax);
  line.member(KEYS.path, record.path, textMax);
  line.member(KEYS.endpoint, record.endpoint, textMax);
  line.member(KEYS.route, record.route, textMax);
  line.member(KEYS.rule, record.rule, textMax);
  line.member(KEYS.backend, record.backend, textMax);
  line.member(KEYS.operation, record.operation, textMax);
  line.member(KEYS.provider, record.provider, textMax);
}
