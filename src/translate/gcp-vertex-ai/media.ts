import type { Part } from "../../apischema/gcp/generate-content.ts";
import type { MediaPart } from "../conversation/conversation.ts";
import { type Losses, untranslatable } from "../conversation/losses.ts";
import type { GeminiModel } from "./model-version.ts";

/** What a source is taken for that does not say what it is. */
const DEFAULT_TYPES = { image: "image/jpeg", audio: "audio/mpeg", video: "video/mp4", document: "application/pdf" };

/** https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference#filedata */
const TYPE_BY_EXTENSION: ReadonlyMap<string, string> = new Map([
  ["jpg", "image/jpeg"],
  ["jpeg", "image/jpeg"],
  ["png", "image/png"],
  ["gif", "image/gif"],
  ["webp", "image/webp"],
  ["heic", "image/heic"],
  ["heif", "image/heif"],
  ["bmp", "image/bmp"],
  ["pdf", "application/pdf"],
  ["txt", "text/plain"],
  ["md", "text/markdown"],
  ["html", "text/html"],
  ["csv", "text/csv"],
  ["mp3", "audio/mpeg"],
  ["wav", "audio/wav"],
  ["ogg", "audio/ogg"],
  ["flac", "audio/flac"],
  ["aac", "audio/aac"],
  ["m4a", "audio/m4a"],
  ["mp4", "video/mp4"],
  ["mov", "video/quicktime"],
  ["mpeg", "video/mpeg"],
  ["mpg", "video/mpeg"],
  ["webm", "video/webm"],
]);

/** `detail` of an image: https://ai.google.dev/gemini-api/docs/media-resolution */
const RESOLUTIONS: ReadonlyMap<string, string> = new Map([
  ["low", "MEDIA_RESOLUTION_LOW"],
  ["medium", "MEDIA_RESOLUTION_MEDIUM"],
  ["high", "MEDIA_RESOLUTION_HIGH"],
  ["auto", "MEDIA_RESOLUTION_UNSPECIFIED"],
]);

/** An image, sound, film or document as Gemini takes it; undefined for an empty one. */
export function writeMedia(media: MediaPart, model: GeminiModel, losses: Losses): Part | undefined {
  const part = writeSource(media, losses);
  const { detail } = media;
  if (part === undefined || detail === undefined) return part;
  const level = RESOLUTIONS.get(detail);
  if (level === undefined)
    throw untranslatable(
      losses.pathIn(media, "media.detail"),
      `the image detail ${JSON.stringify(detail)} is not known`,
    );
  if (model.isAtLeast(3, 0)) return { ...part, mediaResolution: { level } };
  if (detail !== "auto") losses.dropIn(media, "media.detail");
  return part;
}

function writeSource(media: MediaPart, losses: Losses): Part | undefined {
  const { type, source } = media;
  switch (source.kind) {
    case "bytes":
      return { inlineData: { mimeType: source.mimeType || DEFAULT_TYPES[type], data: source.data } };
    case "text":
      return source.text === "" ? undefined : { text: source.text };
    case "url":
      if (source.url === "") return undefined;
      return { fileData: { mimeType: source.mimeType || typeOf(source.url, type), fileUri: source.url } };
    case "file-id":
      if (!source.id.includes("://")) {
        throw untranslatable(
          losses.pathIn(media),
          `the file ${JSON.stringify(source.id)} is not one that Gemini can read: give its URI`,
        );
      }
      return { fileData: { mimeType: typeOf(source.id, type), fileUri: source.id } };
  }
}

function typeOf(url: string, type: MediaPart["type"]): string {
  const extension = /\.([a-z0-9]+)(?:[?#].*)?$/i.exec(url)?.[1]?.toLowerCase() ?? "";
  return TYPE_BY_EXTENSION.get(extension) ?? DEFAULT_TYPES[type];
}
