import { editFields } from "../../wire/json-splice.ts";
import { MessagesReader } from "../anthropic/messages.ts";
import { Passthrough } from "../passthrough.ts";
import type { TranslatorFactory } from "../translator.ts";
import { wrapGcpError } from "./error.ts";
import { rawPredictPath, vertexVersion } from "./raw-predict.ts";

/** Messages to Claude on Vertex AI: the same body but for a few fields, the same answers. */
export const gcpMessages: TranslatorFactory = (context) =>
  new Passthrough(context, {
    path: (_context, model, body) => rawPredictPath(model, body.stream),
    edit: ({ scanned }) =>
      editFields(scanned, { anthropic_version: JSON.stringify(vertexVersion(context)), model: undefined }),
    reader: new MessagesReader(),
    wrapError: wrapGcpError,
  });
