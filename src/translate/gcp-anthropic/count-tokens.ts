import { editFields } from "../../wire/json-splice.ts";
import { CountReader } from "../anthropic/count-tokens.ts";
import { Passthrough } from "../passthrough.ts";
import type { TranslatorFactory } from "../translator.ts";
import { wrapGcpError } from "./error.ts";
import { rawPredictPath, vertexVersion } from "./raw-predict.ts";

/**
 * Counting of tokens on Vertex AI, which is a model of its own; the one to count for stays in the body.
 * https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/count-tokens
 */
export const gcpCountTokens: TranslatorFactory = (context) =>
  new Passthrough(context, {
    path: () => COUNT_TOKENS_PATH,
    edit: ({ scanned, model }, modelOverride) =>
      editFields(scanned, {
        anthropic_version: JSON.stringify(vertexVersion(context)),
        model: JSON.stringify(countedModel(modelOverride ?? model)),
      }),
    reader: new CountReader(),
    wrapError: wrapGcpError,
  });

/** Counting is a model of its own. */
export const COUNT_TOKENS_PATH = rawPredictPath("count-tokens", false);

/** Names without a version's date are counted for without the words that stand for it. */
export function countedModel(model: string): string {
  return model.replace(/@(?:default|latest)$/, "");
}
