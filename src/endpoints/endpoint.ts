/**
 * The client operations the gateway answers: one file per endpoint says its paths, the caller's dialect, how its body
 * names the model and asks for a stream, and how it is metered. {@link ENDPOINTS} in registry.ts lists them.
 */
import type { Dialect } from "../errors/gateway-error.ts";
import type { ScannedObject } from "../wire/json-scan.ts";
import type { MultipartForm } from "../wire/multipart.ts";

/** Every endpoint by its name in logs, docs and the registry. */
export type EndpointName =
  | "chat-completions"
  | "completions"
  | "embeddings"
  | "responses"
  | "messages"
  | "count-tokens"
  | "generate-content"
  | "responses-input-tokens"
  | "images-generations"
  | "images-edits"
  | "audio-speech"
  | "audio-transcriptions"
  | "audio-translations"
  | "tokenize"
  | "rerank"
  | "models";

/**
 * How what an endpoint's answers cost is known; there is no other way, so that nothing can be added that nobody counts.
 * `tokens`: the answer tells its usage. `requests`: no answer does, only that there was one can be counted. `free`: providers take
 * nothing for it.
 */
export type Metering = "tokens" | "requests" | "free";

/** What one endpoint is; data and pure functions only. */
export interface Endpoint {
  readonly name: EndpointName;
  /** `gen_ai.operation.name` of metrics. */
  readonly operation: string;
  /** Accepted paths without query: exact, or with `{model}` where the model stands in the path. */
  readonly paths: readonly string[];
  readonly method: "POST" | "GET";
  readonly dialect: Dialect;
  readonly metering: Metering;
  /** Images and audio are sent or answered, whose bytes tell nothing of their tokens. */
  readonly holdsMedia?: true;
  /** Answers may be neither JSON nor events (audio, subtitles): such go to the caller as they come, unread. */
  readonly answersBytes?: true;
  /**
   * Reads a request of this endpoint; `target` is its path with query. Throws GatewayError `invalid_request`. Absent for
   * endpoints without body.
   */
  readonly parse?: (body: Uint8Array, contentType: string | undefined, target: string) => ParsedRequest;
}

/** What the gateway reads of a request body; the bytes themselves stay as the caller sent them. */
export interface ParsedRequest {
  /** The original model, "" where the body names none. */
  readonly model: string;
  /** Whether the caller asked for a streamed answer. */
  readonly stream: boolean;
  /** `stream_options.include_usage` as the caller sent it; false when absent. */
  readonly includeUsage: boolean;
  /** Whether a stream is to be one JSON array of its events instead of server-sent events, as Gemini has it. */
  readonly asJsonArray?: boolean;
  /** How many answers are made, of each prompt and together; 0 = none that has output. */
  readonly answers: number;
  /** The most tokens that all answers together may have by the caller's word; undefined = no word, 0 = they have none. */
  readonly outputTokensMax: number | undefined;
  /** Where the routed fields stand in the body, for edits in place; an empty object where the body is a form. */
  readonly scanned: ScannedObject;
  /** The body of endpoints that take uploads, where it is no JSON. */
  readonly form?: MultipartForm;
}
