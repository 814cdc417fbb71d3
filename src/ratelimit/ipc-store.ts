/** Counters of a worker process that its supervisor keeps for all workers. */
import type { CounterStore, LeaseReply, LeaseRequest, Period } from "./store.ts";

/** Supervisor's answer is waited for so long: it is never away without ending its workers, but may be busy. */
const CALL_MS = 2_000;
/** Infinity does not survive JSON, which messages between processes are. */
const FOR_EVER = -1;

/** Worker → supervisor. */
export interface StoreCall {
  readonly call: number;
  readonly process: string;
  readonly requests: readonly LeaseRequest[];
}

/** Supervisor → worker. */
export interface StoreAnswer {
  readonly call: number;
  readonly replies?: readonly LeaseReply[];
  readonly error?: string;
}

/** Asks the supervisor. */
export class IpcStore implements CounterStore {
  readonly #send: (call: StoreCall) => void;
  readonly #waiting = new Map<number, (answer: StoreAnswer) => void>();
  #calls = 0;

  /** @param send Passes a call on; its answer comes to {@link answer}. */
  constructor(send: (call: StoreCall) => void) {
    this.#send = send;
  }

  /** Takes an answer of the supervisor's. */
  answer(answer: StoreAnswer): void {
    this.#waiting.get(answer.call)?.(answer);
  }

  async lease(process: string, requests: readonly LeaseRequest[]): Promise<readonly LeaseReply[]> {
    const sent = requests.map((request) => ({ ...request, period: packed(request.period) }));
    const { replies } = await this.#ask({ call: ++this.#calls, process, requests: sent });
    return replies ?? [];
  }

  async close(): Promise<void> {
    this.#waiting.clear();
  }

  #ask(call: StoreCall): Promise<StoreAnswer> {
    return new Promise((resolve, reject) => {
      const finish = (answer: StoreAnswer) => {
        clearTimeout(timer);
        this.#waiting.delete(call.call);
        if (answer.error === undefined) resolve(answer);
        else reject(new Error(answer.error));
      };
      const timer = setTimeout(() => finish({ call: call.call, error: "the supervisor does not answer" }), CALL_MS);
      this.#waiting.set(call.call, finish);
      this.#send(call);
    });
  }
}

/** Does a worker's call; never rejects. */
export async function answerCall(store: CounterStore, call: StoreCall): Promise<StoreAnswer> {
  try {
    const requests = call.requests.map((request) => ({ ...request, period: unpacked(request.period) }));
    const replies = await store.lease(call.process, requests);
    return { call: call.call, replies: replies.map(unlessError) };
  } catch (error) {
    return { call: call.call, error: error instanceof Error ? error.message : String(error) };
  }
}

function unlessError(reply: LeaseReply | Error): LeaseReply {
  if (reply instanceof Error) throw reply;
  return reply;
}

function packed(period: Period): Period {
  return period.endMs === Number.POSITIVE_INFINITY ? { ...period, endMs: FOR_EVER } : period;
}

function unpacked(period: Period): Period {
  return period.endMs === FOR_EVER ? { ...period, endMs: Number.POSITIVE_INFINITY } : period;
}
