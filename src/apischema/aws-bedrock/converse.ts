/**
 * Bedrock's Converse and ConverseStream, the fields that are written.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
 */
export interface ConverseRequest {
  readonly additionalModelRequestFields: unknown;
  readonly additionalModelResponseFieldPaths: unknown;
  readonly guardrailConfig: unknown;
  readonly inferenceConfig: InferenceConfiguration;
  readonly messages: readonly ConverseMessage[];
  readonly outputConfig: OutputConfiguration | undefined;
  readonly performanceConfig: unknown;
  readonly promptVariables: unknown;
  readonly requestMetadata: Readonly<Record<string, unknown>> | undefined;
  readonly system: readonly SystemContentBlock[] | undefined;
  readonly serviceTier: { readonly type: string } | undefined;
  readonly toolConfig: ToolConfiguration | undefined;
}

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html */
export interface InferenceConfiguration {
  readonly maxTokens: number | undefined;
  readonly stopSequences: readonly string[] | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
}

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_OutputConfig.html */
export interface OutputConfiguration {
  readonly textFormat: object | undefined;
  readonly effort: string | undefined;
}

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html */
export interface ConverseMessage {
  readonly role: "user" | "assistant";
  readonly content: readonly ContentBlock[];
}

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CachePointBlock.html */
export interface CachePointMember {
  readonly cachePoint: { readonly type: "default"; readonly ttl?: "5m" | "1h" };
}

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_SystemContentBlock.html */
export type SystemContentBlock = { readonly text: string } | CachePointMember;

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html */
export type ContentBlock =
  | { readonly text: string }
  | MediaBlock
  | CachePointMember
  | { readonly reasoningContent: ReasoningContent }
  | { readonly toolUse: { readonly name: string; readonly input: unknown; readonly toolUseId: string } }
  | { readonly toolResult: ToolResultBlock };

/** `redactedContent` is base64, as every blob. */
export type ReasoningContent =
  | { readonly reasoningText: { readonly text: string; readonly signature: string | undefined } }
  | { readonly redactedContent: string };

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultBlock.html */
export interface ToolResultBlock {
  readonly content: readonly ({ readonly text: string } | MediaBlock)[];
  readonly status: "error" | undefined;
  readonly toolUseId: string;
}

/** `bytes` are base64. */
export type BlobSource = { readonly bytes: string } | { readonly s3Location: { readonly uri: string } };

/** A file of one of the kinds that Bedrock takes, each with formats of its own. */
export type MediaBlock =
  | { readonly image: { readonly format: string; readonly source: BlobSource } }
  | { readonly audio: { readonly format: string; readonly source: BlobSource } }
  | { readonly video: { readonly format: string; readonly source: BlobSource } }
  | { readonly document: { readonly format: string; readonly name: string; readonly source: BlobSource } };

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html */
export interface ToolConfiguration {
  readonly tools: readonly (ToolSpecMember | CachePointMember)[];
  readonly toolChoice: object | undefined;
}

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html */
export interface ToolSpecMember {
  readonly toolSpec: {
    readonly name: string;
    readonly description: string | undefined;
    readonly inputSchema: { readonly json: unknown };
    readonly strict: true | undefined;
  };
}
