import type { MessageUsage } from "./usage.ts";

/** A prompt's cache breakpoint: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching */
export interface CacheBreakpoint {
  readonly cache_control?: { readonly type: "ephemeral"; readonly ttl?: string };
}

/** Where an image or a document is: https://docs.anthropic.com/en/docs/build-with-claude/vision and …/pdf-support */
export type BlockSource =
  | { readonly type: "base64"; readonly media_type: string; readonly data: string }
  | { readonly type: "text"; readonly media_type: "text/plain"; readonly data: string }
  | { readonly type: "url"; readonly url: string }
  | { readonly type: "file"; readonly file_id: string };

/** What a tool may give back. */
export type ResultBlock =
  | ({ readonly type: "text"; readonly text: string } & CacheBreakpoint)
  | ({ readonly type: "image"; readonly source: BlockSource } & CacheBreakpoint)
  | ({ readonly type: "document"; readonly source: BlockSource; readonly title?: string } & CacheBreakpoint);

/** A block of a message that is sent: https://docs.anthropic.com/en/api/messages#body-messages-content */
export type RequestBlock =
  | ResultBlock
  | ({
      readonly type: "tool_result";
      readonly tool_use_id: string;
      readonly is_error?: true;
      readonly content?: readonly ResultBlock[];
    } & CacheBreakpoint)
  | ({
      readonly type: "tool_use";
      readonly id: string;
      readonly name: string;
      readonly input: unknown;
    } & CacheBreakpoint)
  | { readonly type: "thinking"; readonly thinking: string; readonly signature: string }
  | { readonly type: "redacted_thinking"; readonly data: string };

/** A message that is sent. */
export interface RequestMessage {
  readonly role: "user" | "assistant";
  readonly content: readonly RequestBlock[];
}

/** A message that is answered; members may be missing or of other types: https://docs.anthropic.com/en/api/messages#response-id */
export interface AnsweredMessage {
  readonly id?: unknown;
  readonly model?: unknown;
  readonly content?: unknown;
  readonly stop_reason?: unknown;
  readonly stop_sequence?: unknown;
  readonly stop_details?: unknown;
  readonly usage?: MessageUsage | null;
}
