/** An answer as every vendor's API has it: whole, and as the events of a stream. */
import type { TokenUsage } from "../../usage/token-usage.ts";

/** Why the model stopped. What a vendor says beyond these words becomes the nearest of them, and `vendorReason` keeps it. */
export type StopReason =
  | "end"
  | "stop-sequence"
  | "max-tokens"
  | "tool-calls"
  | "content-filter"
  | "refusal"
  /** Anthropic's `pause_turn`: to be continued by sending it back. */
  | "pause";

/** A whole answer. */
export interface Answer {
  /** "" when the vendor gave none. */
  readonly id: string;
  /** "" when the vendor named none. */
  readonly model: string;
  /** Unix seconds; undefined when the vendor did not say. */
  readonly createdAt: number | undefined;
  /** One for each of the `n` that were asked for; mostly one. */
  readonly choices: readonly Choice[];
  readonly usage: TokenUsage;
  readonly serviceTier: string | undefined;
  /** Fields of the vendor's with no place above (`grounding_metadata`, `safety_ratings`, …). */
  readonly extensions: Readonly<Record<string, unknown>>;
}

export interface Choice {
  readonly parts: readonly AnswerPart[];
  readonly stopReason: StopReason;
  /** The vendor's own word. */
  readonly vendorReason: string | undefined;
  readonly stopSequence: string | undefined;
  /** OpenAI's `logprobs` object. */
  readonly logprobs: unknown;
  readonly extensions: Readonly<Record<string, unknown>>;
}

export type AnswerPart =
  | { readonly type: "text"; readonly text: string; readonly annotations?: readonly unknown[] }
  | { readonly type: "refusal"; readonly text: string }
  | { readonly type: "thinking"; readonly text: string; readonly signature: string | undefined }
  | { readonly type: "redacted-thinking"; readonly data: string }
  | {
      readonly type: "tool-call";
      readonly id: string;
      readonly name: string;
      /** JSON text of an object. */
      readonly arguments: string;
      readonly signature?: string | undefined;
    }
  /** A block that only the vendor's own dialect has (`server_tool_use`, `web_search_tool_result`); other dialects leave it out. */
  | { readonly type: "vendor"; readonly block: unknown };

/**
 * An event of a streamed answer. Parts are begun, grow and end one after the other within a choice; `part` numbers them from 0 in
 * the order of their beginnings, per choice. A reader emits `start` first and `stop` for each choice, then `usage` (once, cumulative
 * for the whole answer; it may also be updated earlier), and `done` last; or `error` and nothing after it.
 */
export type AnswerEvent =
  | { readonly type: "start"; readonly id: string; readonly model: string; readonly createdAt: number | undefined }
  | { readonly type: "part"; readonly choice: number; readonly part: number; readonly begin: PartBegin }
  | { readonly type: "text"; readonly choice: number; readonly part: number; readonly text: string }
  | { readonly type: "thinking"; readonly choice: number; readonly part: number; readonly text: string }
  | { readonly type: "signature"; readonly choice: number; readonly part: number; readonly signature: string }
  /** A piece of the JSON text of a tool call's arguments. */
  | { readonly type: "arguments"; readonly choice: number; readonly part: number; readonly text: string }
  | {
      readonly type: "part-end";
      readonly choice: number;
      readonly part: number;
      readonly annotations?: readonly unknown[];
    }
  | {
      readonly type: "stop";
      readonly choice: number;
      readonly reason: StopReason;
      readonly vendorReason: string | undefined;
      readonly stopSequence: string | undefined;
      /** As in {@link Choice}, where the vendor says them in a stream. */
      readonly logprobs?: unknown;
      readonly extensions?: Readonly<Record<string, unknown>>;
    }
  | { readonly type: "usage"; readonly usage: TokenUsage }
  /** Nothing new; keeps the caller's connection awake. */
  | { readonly type: "ping" }
  /** The vendor reported an error inside the stream. */
  | { readonly type: "error"; readonly error: VendorError }
  | { readonly type: "done" };

/** How a part begins. */
export type PartBegin =
  | { readonly type: "text" }
  | { readonly type: "refusal" }
  | { readonly type: "thinking" }
  | { readonly type: "redacted-thinking"; readonly data: string }
  | { readonly type: "tool-call"; readonly id: string; readonly name: string; readonly signature?: string | undefined }
  | { readonly type: "vendor"; readonly block: unknown };

/** An error of the vendor's, in no dialect. */
export interface VendorError {
  /** The vendor's own word for it, e.g. `ThrottlingException`, `RESOURCE_EXHAUSTED`, `overloaded_error`. */
  readonly type: string;
  readonly message: string;
  /** The vendor's code or parameter where it has one. */
  readonly code?: string | undefined;
  readonly param?: string | undefined;
  /** The HTTP status it has, or would have if it had come before the stream began. */
  readonly status: number;
}
