import { type ApiSchema, outputCapAt } from "../api-schema.ts";
import { awsCountTokens } from "../aws-anthropic/count-tokens.ts";
import { CHAT_COMPLETIONS_CLIENT } from "../conversation/chat-completions/codec.ts";
import { fromGenerateContent } from "../conversation/generate-content/translated.ts";
import { MESSAGES_CLIENT } from "../conversation/messages/codec.ts";
import { RESPONSES_CLIENT } from "../conversation/responses/codec.ts";
import { translated } from "../conversation/translated.ts";
import { translatedEmbeddings } from "../embeddings/translated.ts";
import { translatedTokenize } from "../tokenize/translated.ts";
import { CONVERSE } from "./converse.ts";
import { BEDROCK_EMBEDDINGS } from "./embeddings.ts";
import { BEDROCK_TOKENIZE } from "./tokenize.ts";

/** Amazon Bedrock: conversations with models of any maker by the Converse API, embeddings by the models' own. */
export const AWS_BEDROCK: ApiSchema = {
  name: "AWSBedrock",
  otelProvider: "aws.bedrock",
  prefix: undefined,
  version: "Value of `anthropic_version` where tokens are counted, default `bedrock-2023-05-31`.",
  outputCaps: outputCapAt("inferenceConfig.maxTokens"),
  endpoints: {
    "chat-completions": translated(CHAT_COMPLETIONS_CLIENT, CONVERSE),
    "count-tokens": awsCountTokens,
    embeddings: translatedEmbeddings(BEDROCK_EMBEDDINGS),
    "generate-content": fromGenerateContent(CONVERSE),
    messages: translated(MESSAGES_CLIENT, CONVERSE),
    responses: translated(RESPONSES_CLIENT, CONVERSE),
    tokenize: translatedTokenize(BEDROCK_TOKENIZE),
  },
};
