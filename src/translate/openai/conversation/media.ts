import type { MediaPart, MediaSource } from "../../conversation/conversation.ts";
import { type Losses, untranslatable } from "../../conversation/losses.ts";

/**
 * Writes an image, sound, film or document as a part of a user's message:
 * https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages. Sound and film by address are what vLLM takes;
 * OpenAI itself answers with an error of its own.
 *
 * @throws GatewayError `untranslatable` for what no part can hold.
 */
export function writeMedia(part: MediaPart, losses: Losses): object {
  const { source } = part;
  const path = losses.pathIn(part);
  switch (part.type) {
    case "image":
      return { type: "image_url", image_url: { url: addressOf(source, path), detail: part.detail } };
    case "video":
      return { type: "video_url", video_url: { url: addressOf(source, path) } };
    case "audio":
      return source.kind === "bytes"
        ? { type: "input_audio", input_audio: { data: source.data, format: audioFormat(source.mimeType, path) } }
        : { type: "audio_url", audio_url: { url: addressOf(source, path) } };
    case "document":
      return writeDocument(part, path);
  }
}

function writeDocument({ source, name }: MediaPart, path: string): object {
  switch (source.kind) {
    case "text":
      // A blank line keeps it apart from what is said around it.
      return { type: "text", text: `${name === undefined ? "" : `${name}\n\n`}${source.text}\n\n` };
    case "bytes":
      return { type: "file", file: { filename: name ?? "document.pdf", file_data: dataUrlOf(source) } };
    case "file-id":
      return { type: "file", file: { file_id: source.id } };
    case "url":
      throw untranslatable(path, "the backend takes no documents by URL");
  }
}

function addressOf(source: MediaSource, path: string): string {
  if (source.kind === "url") return source.url;
  if (source.kind === "bytes") return dataUrlOf(source);
  throw untranslatable(path, "the backend takes this only by URL or as bytes");
}

function dataUrlOf({ mimeType, data }: Extract<MediaSource, { kind: "bytes" }>): string {
  return `data:${mimeType};base64,${data}`;
}

const AUDIO_FORMATS: ReadonlyMap<string, string> = new Map([
  ["audio/wav", "wav"],
  ["audio/x-wav", "wav"],
  ["audio/wave", "wav"],
  ["audio/mpeg", "mp3"],
  ["audio/mp3", "mp3"],
]);

function audioFormat(mimeType: string, path: string): string {
  const format = AUDIO_FORMATS.get(mimeType.toLowerCase());
  if (format === undefined)
    throw untranslatable(path, `the backend takes no audio of type ${JSON.stringify(mimeType)}`);
  return format;
}
