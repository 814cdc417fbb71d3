import { type BackendPath, overrideModel, Passthrough } from "../passthrough.ts";
import type { TranslatorFactory } from "../translator.ts";
import { DocumentReader, documentShape } from "./document.ts";
import { wrapOpenAIError } from "./error.ts";
import { readResponseUsage } from "./usage.ts";

const IMAGES = documentShape("data", readResponseUsage);
/** https://platform.openai.com/docs/api-reference/images-streaming */
const LAST_EVENTS = ["image_generation.completed", "image_edit.completed"];

/** Images to a backend that makes or edits them: https://platform.openai.com/docs/api-reference/images */
export function images(path: BackendPath): TranslatorFactory {
  return (context) =>
    new Passthrough(context, {
      path,
      edit: overrideModel,
      reader: new DocumentReader(IMAGES, LAST_EVENTS),
      wrapError: wrapOpenAIError,
    });
}
