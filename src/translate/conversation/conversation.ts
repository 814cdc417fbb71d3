/**
 * A conversation as every vendor's API has it, in words of our own: what is read from a caller's request in one dialect and
 * written for a backend in another. With it, N client dialects and M backend dialects need N + M translators, not N × M.
 *
 * It holds what at least two dialects can say. What only one can say travels in `extensions`, under the field's own name, and
 * is lost (and told to be, see losses.ts) where the backend is another vendor's.
 */

/** A request for a conversation's next turn. */
export interface Conversation {
  readonly stream: boolean;
  /** Instructions, in order: OpenAI's system and developer messages, Anthropic's `system`, Gemini's `systemInstruction`. */
  readonly system: readonly TextPart[];
  readonly turns: readonly Turn[];
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice | undefined;
  readonly parallelToolCalls: boolean | undefined;
  readonly sampling: Sampling;
  readonly output: OutputFormat | undefined;
  readonly reasoning: Reasoning | undefined;
  readonly serviceTier: string | undefined;
  /** Who the request is for, as vendors want it to trace abuse. */
  readonly userId: string | undefined;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  /** Fields of the caller's dialect that have no place above, by name, unread. */
  readonly extensions: Readonly<Record<string, unknown>>;
}

/** What one side said. Turns of the same role may follow one another; backends that want them to alternate merge them. */
export type Turn = UserTurn | AssistantTurn;

export interface UserTurn {
  readonly role: "user";
  readonly parts: readonly UserPart[];
}

export interface AssistantTurn {
  readonly role: "assistant";
  readonly parts: readonly AssistantPart[];
}

export type UserPart = TextPart | MediaPart | ToolResultPart;
export type AssistantPart = TextPart | RefusalPart | ThinkingPart | RedactedThinkingPart | ToolCallPart | MediaPart;

/** Something the caller has said at one place. */
export interface Placed {
  /** The place in the caller's request (`messages[2].content[0]`), for losses and errors; undefined for what the gateway adds. */
  readonly path?: string;
}

interface Cacheable extends Placed {
  /** The prompt up to here is to be cached. */
  readonly cache?: CacheControl | undefined;
}

/** Anthropic's `cache_control`, of which Bedrock's cache point is a simpler form. */
export interface CacheControl {
  readonly ttl: "5m" | "1h" | undefined;
}

export interface TextPart extends Cacheable {
  readonly type: "text";
  readonly text: string;
}

export interface RefusalPart extends Placed {
  readonly type: "refusal";
  readonly text: string;
}

/** An image, sound, film or document: its bytes, or where it is. */
export interface MediaPart extends Cacheable {
  readonly type: "image" | "audio" | "video" | "document";
  readonly source: MediaSource;
  /** Name of a document. */
  readonly name?: string | undefined;
  /** OpenAI's `detail` of an image. */
  readonly detail?: string | undefined;
}

export type MediaSource =
  /** `data` is base64 without a data URL's prefix; `mimeType` may be "" where the caller did not say. */
  | { readonly kind: "bytes"; readonly mimeType: string; readonly data: string }
  | { readonly kind: "url"; readonly url: string; readonly mimeType: string | undefined }
  /** A file that was uploaded to the vendor. */
  | { readonly kind: "file-id"; readonly id: string }
  /** A document given as plain text. */
  | { readonly kind: "text"; readonly text: string };

export interface ThinkingPart extends Cacheable {
  readonly type: "thinking";
  readonly text: string;
  /** The vendor's proof that it thought this; opaque. */
  readonly signature: string | undefined;
}

/** Thinking that only the vendor can read. */
export interface RedactedThinkingPart extends Placed {
  readonly type: "redacted-thinking";
  readonly data: string;
}

export interface ToolCallPart extends Cacheable {
  readonly type: "tool-call";
  readonly id: string;
  readonly name: string;
  /** JSON text of an object, as the model wrote it; "" = none. */
  readonly arguments: string;
  /** Gemini's `thoughtSignature`; opaque. */
  readonly signature?: string | undefined;
}

export interface ToolResultPart extends Cacheable {
  readonly type: "tool-result";
  /** Of the call. */
  readonly id: string;
  readonly parts: readonly (TextPart | MediaPart)[];
  readonly isError: boolean;
}

/** A function the model may call, or a tool the vendor runs. */
export type Tool = FunctionTool | VendorTool;

export interface FunctionTool extends Cacheable {
  readonly type: "function";
  readonly name: string;
  readonly description: string | undefined;
  /** JSON Schema of the arguments, as given; undefined = none. */
  readonly parameters: unknown;
  readonly strict: boolean | undefined;
}

/** A tool of one vendor's, as its dialect writes it (`google_search`, `web_search_20250305`, …). */
export interface VendorTool extends Placed {
  readonly type: "vendor";
  readonly dialect: ClientDialect;
  readonly name: string;
  readonly definition: unknown;
}

export type ToolChoice =
  | { readonly type: "auto" | "none" | "required" }
  | { readonly type: "tool"; readonly name: string };

export interface Sampling {
  readonly maxTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly topK: number | undefined;
  readonly stop: readonly string[];
  readonly seed: number | undefined;
  /** How many answers. */
  readonly n: number | undefined;
  readonly frequencyPenalty: number | undefined;
  readonly presencePenalty: number | undefined;
  readonly logprobs: boolean | undefined;
  readonly topLogprobs: number | undefined;
}

export type OutputFormat =
  | { readonly type: "text" }
  | { readonly type: "json" }
  | {
      readonly type: "json-schema";
      readonly name: string | undefined;
      readonly schema: unknown;
      readonly strict: boolean | undefined;
      readonly description: string | undefined;
    };

export interface Reasoning {
  /** `adaptive`: the model decides. Undefined: the caller spoke only of effort. */
  readonly type: "enabled" | "disabled" | "adaptive" | undefined;
  readonly budgetTokens: number | undefined;
  /** `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`, or a newer word, passed on. */
  readonly effort: string | undefined;
  /** Whether the thoughts are wanted in the answer (Gemini's includeThoughts; OpenAI's summary). */
  readonly includeThoughts: boolean | undefined;
  /** Anthropic's `display`. */
  readonly display: string | undefined;
}

/** The dialects callers speak. */
export type ClientDialect = "chat-completions" | "messages" | "responses" | "generate-content";

/** A conversation without anything in it but what is given. */
export function conversation(given: Partial<Conversation>): Conversation {
  return {
    stream: false,
    system: [],
    turns: [],
    tools: [],
    toolChoice: undefined,
    parallelToolCalls: undefined,
    sampling: NO_SAMPLING,
    output: undefined,
    reasoning: undefined,
    serviceTier: undefined,
    userId: undefined,
    metadata: undefined,
    extensions: {},
    ...given,
  };
}

/** Nothing said about sampling. */
export const NO_SAMPLING: Sampling = {
  maxTokens: undefined,
  temperature: undefined,
  topP: undefined,
  topK: undefined,
  stop: [],
  seed: undefined,
  n: undefined,
  frequencyPenalty: undefined,
  presencePenalty: undefined,
  logprobs: undefined,
  topLogprobs: undefined,
};
