/** Images and audio (https://platform.openai.com/docs/api-reference/images and .../audio): small, and made of the prompt. */
import type { Answer } from "./answer.ts";
import type { Prompt } from "./prompt.ts";
import { dataEvent, indented, namedEvent, type Rendered } from "./shape.ts";

/** A PNG of one transparent pixel. */
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const IMAGES_MAX = 10;

const AUDIO_TYPES: Readonly<Record<string, string>> = {
  mp3: "audio/mpeg",
  opus: "audio/opus",
  aac: "audio/aac",
  flac: "audio/flac",
  wav: "audio/wav",
  pcm: "audio/pcm",
};

/** Images, made or edited: as many as were asked for, all alike. */
export function images(kind: "image_generation" | "image_edit"): (prompt: Prompt, answer: Answer) => Rendered {
  return ({ fields, stream }, answer) => {
    const created_at = answer.created;
    if (stream) {
      const partial = { type: `${kind}.partial_image`, b64_json: PIXEL, created_at, partial_image_index: 0 };
      const completed = { type: `${kind}.completed`, b64_json: PIXEL, created_at, usage: usage(answer) };
      return { pieces: [namedEvent(partial), namedEvent(completed)], stream: true };
    }
    const { n } = fields;
    const count = typeof n === "number" ? Math.min(Math.max(1, n), IMAGES_MAX) : 1;
    const data = new Array(count).fill({ b64_json: PIXEL });
    return { pieces: [indented({ created: answer.created, data, usage: usage(answer) })] };
  };
}

/** Speech: bytes that are no text, a few for each word, or events with them. */
export function speech({ fields }: Prompt, answer: Answer): Rendered {
  const sounds = answer.pieces.map((piece) => Buffer.from(piece).map((byte) => 0x80 | (byte & 0x3f)));
  if (fields["stream_format"] !== "sse") {
    return {
      pieces: sounds,
      stream: true,
      contentType: AUDIO_TYPES[String(fields["response_format"])] ?? "audio/mpeg",
    };
  }
  const deltas = sounds.map((sound) => ({ type: "speech.audio.delta", audio: Buffer.from(sound).toString("base64") }));
  return { pieces: [...deltas, { type: "speech.audio.done", usage: usage(answer) }].map(namedEvent), stream: true };
}

/** The text of a recording, which nobody listens to. */
export function transcription({ fields, stream }: Prompt, answer: Answer): Rendered {
  const { text } = answer;
  if (stream) {
    const deltas = answer.pieces.map((delta) => ({ type: "transcript.text.delta", delta }));
    return {
      pieces: [...deltas, { type: "transcript.text.done", text, usage: usage(answer) }].map(dataEvent),
      stream: true,
    };
  }
  const contentType = "text/plain; charset=utf-8";
  switch (fields["response_format"]) {
    case "text":
      return { pieces: [`${text}\n`], contentType };
    case "srt":
      return { pieces: [`1\n00:00:00,000 --> 00:00:01,000\n${text}\n\n`], contentType };
    case "vtt":
      return { pieces: [`WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n${text}\n\n`], contentType };
    default:
      return { pieces: [indented({ text, usage: usage(answer) })] };
  }
}

function usage({ usage: { input, output }, usageShape }: Answer): unknown {
  if (usageShape === "none") return undefined;
  if (usageShape === "lies") return { input_tokens: -5, output_tokens: 1.5, total_tokens: "many" };
  return { type: "tokens", input_tokens: input, output_tokens: output, total_tokens: input + output };
}
