import { type ApiSchema, outputCapAt } from "../api-schema.ts";
import { CHAT_COMPLETIONS_CLIENT } from "../conversation/chat-completions/codec.ts";
import { fromGenerateContent } from "../conversation/generate-content/translated.ts";
import { RESPONSES_CLIENT } from "../conversation/responses/codec.ts";
import { translated } from "../conversation/translated.ts";
import { translatedTokenize } from "../tokenize/translated.ts";
import { AWS_ANTHROPIC_CODEC } from "./codec.ts";
import { awsCountTokens } from "./count-tokens.ts";
import { awsMessages } from "./messages.ts";
import { AWS_ANTHROPIC_TOKENIZE } from "./tokenize.ts";

/** Claude on Amazon Bedrock, by InvokeModel: Anthropic's own bodies and events. */
export const AWS_ANTHROPIC: ApiSchema = {
  name: "AWSAnthropic",
  otelProvider: "aws.bedrock",
  prefix: undefined,
  version: "Value of `anthropic_version`, default `bedrock-2023-05-31`.",
  outputCaps: outputCapAt("max_tokens"),
  endpoints: {
    "chat-completions": translated(CHAT_COMPLETIONS_CLIENT, AWS_ANTHROPIC_CODEC),
    "generate-content": fromGenerateContent(AWS_ANTHROPIC_CODEC),
    messages: awsMessages,
    responses: translated(RESPONSES_CLIENT, AWS_ANTHROPIC_CODEC),
    "count-tokens": awsCountTokens,
    tokenize: translatedTokenize(AWS_ANTHROPIC_TOKENIZE),
  },
};
