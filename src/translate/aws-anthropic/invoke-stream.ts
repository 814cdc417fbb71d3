import { GatewayError } from "../../errors/gateway-error.ts";
import { EventStreamDecoder, type EventStreamMessage } from "../../wire/aws-event-stream.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import { MessageEventReader, MessageStreamReader } from "../anthropic/stream.ts";
import { readException } from "../aws-bedrock/error.ts";
import type { AnswerEvent, VendorError } from "../conversation/answer.ts";
import type { StreamReader } from "../conversation/codec.ts";
import { isRecord } from "../conversation/read.ts";
import { parseJson } from "../json-body.ts";

/** What a message of the stream holds: an event of Claude's as JSON, or why the stream ends. */
export type InvokeEvent =
  | { readonly json: Buffer; readonly error?: never }
  | { readonly error: VendorError; readonly json?: never };

/**
 * Unwraps the event stream of InvokeModelWithResponseStream. Messages of other types than `chunk` and exceptions are passed over.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ResponseStream.html
 */
export class InvokeStreamDecoder {
  readonly #decoder = new EventStreamDecoder();
  #isOver = false;

  /**
   * The events that are whole now, one by one; nothing comes after an error.
   *
   * @throws GatewayError `upstream_invalid` for what is no such stream.
   */
  *push(chunk: Uint8Array): Generator<InvokeEvent> {
    if (this.#isOver) return;
    for (const message of this.#decoder.push(chunk)) {
      const error = readException(message);
      const json = error === undefined ? readPart(message) : undefined;
      if (json !== undefined) yield { json };
      if (error === undefined) continue;
      this.#isOver = true;
      yield { error };
      return;
    }
  }
}

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html */
function readPart({ payload }: EventStreamMessage): Buffer | undefined {
  const part = parseJson(payload);
  if (!isRecord(part))
    throw new GatewayError("upstream_invalid", "the provider sent a message whose payload is no JSON object");
  const bytes = part["bytes"];
  return typeof bytes === "string" ? Buffer.from(bytes, "base64") : undefined;
}

/** Whether an upstream wraps its stream: Bedrock does, a server in its place may not. */
export function isWrapped(headers: HeaderMap): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") !== true;
}

/** Whether an answer is labelled as AWS's streams are. */
export function isEventStream(headers: HeaderMap): boolean {
  return headers.get("content-type")?.startsWith("application/vnd.amazon.eventstream") === true;
}

/** Makes the reader of a stream for other dialects. */
export function invokeStreamReader(headers: HeaderMap): StreamReader {
  return isWrapped(headers) ? new InvokeStreamReader() : new MessageStreamReader();
}

class InvokeStreamReader implements StreamReader {
  readonly #decoder = new InvokeStreamDecoder();
  readonly #events = new MessageEventReader();

  push(chunk: Uint8Array, out: AnswerEvent[]): void {
    for (const { json, error } of this.#decoder.push(chunk)) {
      if (error !== undefined) out.push({ type: "error", error });
      else this.#events.read(json, out);
    }
  }

  end(): void {
    // A message that is not whole says nothing.
  }
}
