/** An Anthropic error document: https://docs.anthropic.com/en/api/errors */
export interface AnthropicErrorDocument {
  readonly type: "error";
  readonly error: { readonly type: string; readonly message: string };
  readonly request_id: string;
}
