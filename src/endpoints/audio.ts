import { KeySet } from "../wire/json-scan.ts";
import type { Endpoint } from "./endpoint.ts";
import { type FormRules, parseForm } from "./parse-form.ts";
import { type BodyRules, parseRequest } from "./parse-request.ts";

const SPEECH: BodyRules = {
  suffix: "/v1/audio/speech",
  keys: new KeySet(["model", "stream_format"]),
  // Audio always comes as it is made; only where it comes as events is it a stream that can be read.
  streams: { key: "stream_format", value: "sse" },
  output: { caps: [], copies: [] },
};
const TRANSCRIPTIONS: FormRules = {
  path: "/v1/audio/transcriptions",
  required: ["model", "file"],
  streams: true,
};
const TRANSLATIONS: FormRules = { path: "/v1/audio/translations", required: ["model", "file"], streams: false };

/** Speech from text: https://platform.openai.com/docs/api-reference/audio/createSpeech */
export const AUDIO_SPEECH: Endpoint = {
  name: "audio-speech",
  operation: "speech",
  paths: ["/v1/audio/speech"],
  method: "POST",
  dialect: "openai",
  // Only the events of a streamed answer tell usage, and those that come as audio are the rule.
  metering: "requests",
  holdsMedia: true,
  answersBytes: true,
  parse: (body, contentType) => parseRequest(SPEECH, body, contentType),
};

/** Text from speech: https://platform.openai.com/docs/api-reference/audio/createTranscription */
export const AUDIO_TRANSCRIPTIONS: Endpoint = {
  ...AUDIO_SPEECH,
  name: "audio-transcriptions",
  operation: "transcription",
  metering: "tokens",
  paths: ["/v1/audio/transcriptions"],
  parse: (body, contentType) => parseForm(TRANSCRIPTIONS, body, contentType),
};

/** English text from speech: https://platform.openai.com/docs/api-reference/audio/createTranslation */
export const AUDIO_TRANSLATIONS: Endpoint = {
  ...AUDIO_SPEECH,
  name: "audio-translations",
  operation: "translation",
  paths: ["/v1/audio/translations"],
  parse: (body, contentType) => parseForm(TRANSLATIONS, body, contentType),
};
