import { joinPath } from "../backend-path.ts";
import type { BackendCodec } from "../conversation/codec.ts";
import type { TranslatorContext } from "../translator.ts";
import { readAnthropicError } from "./error.ts";
import { writeMessages } from "./request.ts";
import { readMessage } from "./response.ts";
import { MessageStreamReader } from "./stream.ts";

/**
 * The version whose shapes are written and read here. Newer ones refuse parameters that other dialects' callers send
 * (`temperature`): https://docs.anthropic.com/en/api/versioning
 */
const VERSION = "2023-06-01";

/** Names of tools that Claude takes: https://docs.anthropic.com/en/api/messages#body-tools */
export const TOOL_NAMES = /^[a-zA-Z0-9_-]{1,128}$/;

/** Anthropic's own messages API and servers compatible with it. */
export const ANTHROPIC_CODEC: BackendCodec = {
  toolNames: TOOL_NAMES,
  writeRequest(conversation, { model, context }, losses) {
    const body = writeMessages(conversation, { model, hasServiceTier: true }, losses);
    return {
      path: messagesPath(context, "messages"),
      body: { model, ...body, ...(conversation.stream ? { stream: true } : {}) },
      headers: [["anthropic-version", VERSION]],
    };
  },
  readAnswer: readMessage,
  streamReader: () => new MessageStreamReader(),
  readError: readAnthropicError,
};

/** The path of an operation under the backend's prefix; an empty one is the default. */
export function messagesPath({ prefix }: TranslatorContext, operation: string): string {
  return joinPath(prefix === "" ? undefined : prefix, operation);
}
