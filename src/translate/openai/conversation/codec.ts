/**
 * Chat completions as a backend dialect, for callers who speak another one: https://platform.openai.com/docs/api-reference/chat
 */
import type { BackendCodec } from "../../conversation/codec.ts";
import type { TranslatorContext } from "../../translator.ts";
import { readError } from "./error.ts";
import { modelNamed, type ServedModel } from "./model.ts";
import { writeRequest } from "./request.ts";
import { readAnswer } from "./response.ts";
import { ChatStreamReader } from "./stream.ts";

/** https://platform.openai.com/docs/api-reference/chat/create#chat-create-tools */
const TOOL_NAMES = /^[a-zA-Z0-9_-]{1,64}$/;

/** The upstream path, with query, for a model. */
export type ModelPath = (context: TranslatorContext, model: string) => string;

/**
 * Makes the backend dialect for a place where chat completions are served.
 *
 * @param servedModel What is known of the model from the name that the backend has for it.
 */
export function chatBackend(path: ModelPath, servedModel: (name: string) => ServedModel = modelNamed): BackendCodec {
  return {
    toolNames: TOOL_NAMES,
    writeRequest: (conversation, { model, context }, losses) => ({
      path: path(context, model),
      body: writeRequest(conversation, { name: model, ...servedModel(model) }, losses),
    }),
    readAnswer: (body, _headers, { context }) => readAnswer(body, context.newId),
    streamReader: (_headers, { context }) => new ChatStreamReader(context.newId),
    readError,
  };
}
