/** The `error` member of an OpenAI error: https://platform.openai.com/docs/guides/error-codes/api-errors */
export interface OpenAIError {
  readonly type?: unknown;
  /** A name at OpenAI; some compatible servers put the HTTP status here. */
  readonly code?: unknown;
}
