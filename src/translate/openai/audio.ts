import { type BackendPath, overrideModel, Passthrough } from "../passthrough.ts";
import type { TranslatorFactory } from "../translator.ts";
import { DocumentReader, documentShape } from "./document.ts";
import { wrapOpenAIError } from "./error.ts";
import { readResponseUsage } from "./usage.ts";

/** Usage may also be a duration, which has no tokens to count: https://platform.openai.com/docs/api-reference/audio/json-object */
const TEXT = documentShape("text", readResponseUsage);
/** https://platform.openai.com/docs/api-reference/audio/transcript-text-done-event */
const LAST_TRANSCRIPT_EVENTS = ["transcript.text.done"];
/** Speech is bytes or events; a document can only be an error. */
const SPEECH = documentShape("audio", readResponseUsage);
/** https://platform.openai.com/docs/api-reference/audio/speech-audio-done-event */
const LAST_SPEECH_EVENTS = ["speech.audio.done"];

/** Transcriptions and translations to a backend that makes them: https://platform.openai.com/docs/api-reference/audio */
export function audioText(path: BackendPath): TranslatorFactory {
  return (context) =>
    new Passthrough(context, {
      path,
      edit: overrideModel,
      reader: new DocumentReader(TEXT, LAST_TRANSCRIPT_EVENTS),
      wrapError: wrapOpenAIError,
    });
}

/** Speech to a backend that makes it: https://platform.openai.com/docs/api-reference/audio/createSpeech */
export function audioSpeech(path: BackendPath): TranslatorFactory {
  return (context) =>
    new Passthrough(context, {
      path,
      edit: overrideModel,
      reader: new DocumentReader(SPEECH, LAST_SPEECH_EVENTS),
      wrapError: wrapOpenAIError,
    });
}
