/** What every vendor's rendering of an answer has in common. */
import { encodeEventStreamText } from "../wire/aws-event-stream.ts";
import type { Answer, SimulatedUsage } from "./answer.ts";
import type { UsageShape } from "./faults.ts";
import type { Prompt } from "./prompt.ts";

/** Renders answers the way one operation of a vendor does. */
export interface Shape {
  /** The body of an answer that is not a stream. */
  readonly unary: (answer: Answer) => string;
  /** The events of a stream, each with its blank line. */
  readonly events: (answer: Answer) => string[];
}

/** An answer whose form depends on what was asked. */
export interface Rendered {
  /** The body; one piece for each event of a stream. */
  readonly pieces: readonly (string | Uint8Array)[];
  /** What it is, where it is neither JSON nor a stream of events. */
  readonly contentType?: string;
  /** Further headers: alternating names and values. */
  readonly headers?: readonly string[];
  readonly stream?: boolean;
  /** What reports an error inside an answer with status 200 where it is told in a way of its own: the body, or an event. */
  readonly errorPiece?: string;
}

/** Renders an answer to the request that asked for it. */
export type Render = (prompt: Prompt, answer: Answer) => Rendered;

/** JSON as OpenAI sends it outside of streams: indented, with a line end. */
export function indented(body: unknown): string {
  return `${JSON.stringify(body, null, 2)}\n`;
}

/** An event without a name. */
export function dataEvent(body: unknown): string {
  return `data: ${JSON.stringify(body)}\n\n`;
}

/** An event named after the body's `type`, as Anthropic and OpenAI's Responses send them. */
export function namedEvent(body: { readonly type: string }): string {
  return `event: ${body.type}\ndata: ${JSON.stringify(body)}\n\n`;
}

/** Media type of AWS's streams. */
export const EVENT_STREAM = "application/vnd.amazon.eventstream";

/** An event in AWS's frame, padded as theirs are so that lengths tell nothing. */
export function framedEvent(type: string, body: object): Buffer {
  const payload = JSON.stringify({ ...body, p: "abcdefghij" });
  const headers = { ":event-type": type, ":content-type": "application/json", ":message-type": "event" };
  return encodeEventStreamText(headers, payload);
}

/** An id of a fixed length, unlike that of every other request of this simulator. */
export function simulateId(prefix: string, serial: number): string {
  return `${prefix}${serial.toString(36).padStart(24, "0")}`;
}

/** OpenAI's usage (https://platform.openai.com/docs/api-reference/chat/object); undefined where it is to be left out. */
export function openaiUsage(usage: SimulatedUsage, shape: UsageShape): unknown {
  if (shape === "none") return undefined;
  if (shape === "lies") return { prompt_tokens: -5, completion_tokens: 1.5, total_tokens: "many" };
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cached, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}
