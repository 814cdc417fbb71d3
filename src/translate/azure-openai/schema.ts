import type { ApiSchema } from "../api-schema.ts";
import { pathSegment } from "../backend-path.ts";
import { fromGenerateContent } from "../conversation/generate-content/translated.ts";
import { MESSAGES_CLIENT } from "../conversation/messages/codec.ts";
import { translated } from "../conversation/translated.ts";
import { audioSpeech, audioText } from "../openai/audio.ts";
import { chatCompletions } from "../openai/chat-completions.ts";
import { chatBackend, type ModelPath } from "../openai/conversation/codec.ts";
import { deploymentNamed } from "../openai/conversation/model.ts";
import { embeddings } from "../openai/embeddings.ts";
import { images } from "../openai/images.ts";
import { OPENAI_OUTPUT_CAPS } from "../openai/output-caps.ts";
import { responses } from "../openai/responses.ts";
import { responsesInputTokens } from "../openai/responses-input-tokens.ts";
import type { BackendPath } from "../passthrough.ts";
import type { TranslatorContext } from "../translator.ts";

/** Azure's dated data plane: https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference */
function deployment(operation: string): ModelPath {
  return (context, model) => `/openai/deployments/${pathSegment(model)}/${operation}${apiVersion(context)}`;
}

function account(operation: string): BackendPath {
  return (context) => `/openai/${operation}${apiVersion(context)}`;
}

function apiVersion({ version }: TranslatorContext): string {
  return `?api-version=${encodeURIComponent(version ?? "")}`;
}

/**
 * Azure OpenAI by deployment: OpenAI's bodies at other paths. The deployment in the path decides which model answers;
 * the body names the same one. Azure's newer `/openai/v1` surface is the OpenAI schema with that prefix.
 */
export const AZURE_OPENAI: ApiSchema = {
  name: "AzureOpenAI",
  otelProvider: "azure.openai",
  prefix: undefined,
  version: "Value of the `api-version` query.",
  outputCaps: OPENAI_OUTPUT_CAPS,
  endpoints: {
    "chat-completions": chatCompletions(deployment("chat/completions")),
    embeddings: embeddings(deployment("embeddings")),
    "generate-content": fromGenerateContent(chatBackend(deployment("chat/completions"), deploymentNamed)),
    messages: translated(MESSAGES_CLIENT, chatBackend(deployment("chat/completions"), deploymentNamed)),
    responses: responses(account("responses")),
    "responses-input-tokens": responsesInputTokens(account("responses/input_tokens")),
    "images-generations": images(deployment("images/generations")),
    "images-edits": images(deployment("images/edits")),
    "audio-speech": audioSpeech(deployment("audio/speech")),
    "audio-transcriptions": audioText(deployment("audio/transcriptions")),
    "audio-translations": audioText(deployment("audio/translations")),
  },
};
