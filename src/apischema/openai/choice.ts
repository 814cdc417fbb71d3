/**
 * One choice of a streamed chunk.
 * https://platform.openai.com/docs/api-reference/chat-streaming/streaming#chat_streaming/streaming-choices
 */
export interface ChunkChoice {
  readonly index?: unknown;
  readonly finish_reason?: unknown;
}
