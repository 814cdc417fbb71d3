/** Waits while Envoy waits for us. */
import type { GrpcStream } from "../grpc/grpc.ts";
import { encodeMessageTimeout } from "./codec/encode.ts";

/** Longer than credentials may take to be issued, and stores of limits to answer. */
const MORE_TIME = encodeMessageTimeout(15_000);

/** What comes after the wait. */
export interface Waiting<T> {
  readonly goOn: (value: T) => void;
  readonly fail: (error: unknown) => void;
}

/** Asks Envoy for more time than it gives a message, and goes on when what is pending is there, or known to have failed. */
export function waitFor<T>(pending: Promise<T>, stream: GrpcStream, { goOn, fail }: Waiting<T>): void {
  stream.send(MORE_TIME);
  pending.then(goOn, fail);
}
