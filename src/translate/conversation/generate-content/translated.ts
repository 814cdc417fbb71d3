import { orAsJsonArray } from "../../json-array.ts";
import type { TranslatorFactory } from "../../translator.ts";
import type { BackendCodec } from "../codec.ts";
import { translated } from "../translated.ts";
import { GENERATE_CONTENT_CLIENT } from "./codec.ts";

/** Makes translators from Gemini's dialect, whose streams may be arrays, to that of a backend. */
export function fromGenerateContent(backend: BackendCodec): TranslatorFactory {
  return orAsJsonArray(translated(GENERATE_CONTENT_CLIENT, backend));
}
