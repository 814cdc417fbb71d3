/** A part of a content of Gemini's, as we write it: https://ai.google.dev/api/caching#Part */
export interface Part {
  readonly text?: string;
  /** Whether the text is a thought. */
  readonly thought?: boolean;
  /** Base64. https://ai.google.dev/gemini-api/docs/thought-signatures */
  readonly thoughtSignature?: string;
  readonly inlineData?: { readonly mimeType: string; readonly data: string };
  readonly fileData?: { readonly mimeType: string; readonly fileUri: string };
  readonly functionCall?: { readonly id?: string; readonly name: string; readonly args: object };
  readonly functionResponse?: { readonly name: string; readonly response: object };
  readonly mediaResolution?: { readonly level: string };
}

/** What one side said: https://ai.google.dev/api/caching#Content */
export interface Content {
  readonly role: "user" | "model";
  readonly parts: readonly Part[];
}

/** Tokens of an answer: https://ai.google.dev/api/generate-content#UsageMetadata */
export interface UsageMetadata {
  readonly promptTokenCount?: number;
  readonly promptTokensDetails?: readonly ModalityTokenCount[];
  readonly cachedContentTokenCount?: number;
  readonly candidatesTokenCount?: number;
  readonly candidatesTokensDetails?: readonly ModalityTokenCount[];
  readonly thoughtsTokenCount?: number;
  readonly totalTokenCount?: number;
}

/** https://ai.google.dev/api/generate-content#v1beta.ModalityTokenCount */
export interface ModalityTokenCount {
  readonly modality: "AUDIO" | "IMAGE";
  readonly tokenCount: number;
}

/** An answer, or an event of a streamed one: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse */
export interface GenerateContentResponse {
  readonly candidates?: readonly Candidate[];
  readonly usageMetadata?: UsageMetadata;
  readonly modelVersion?: string;
  readonly createTime?: string;
  readonly responseId?: string;
}

/** One of several answers: https://ai.google.dev/api/generate-content#v1beta.Candidate */
export interface Candidate {
  readonly content: Content;
  readonly finishReason?: string;
  readonly finishMessage?: string;
  readonly index: number;
}

/** An error of Google's: https://docs.cloud.google.com/apis/design/errors#http_mapping */
export interface GoogleErrorDocument {
  readonly error: { readonly code: number; readonly message: string; readonly status: string };
}
