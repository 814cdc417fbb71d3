import type { BlockSource, ResultBlock } from "../../apischema/anthropic/message.ts";
import type { MediaPart } from "../conversation/conversation.ts";
import { type Losses, untranslatable } from "../conversation/losses.ts";

/** https://docs.anthropic.com/en/docs/build-with-claude/vision#image-best-practices-and-limits */
const IMAGE_TYPES: ReadonlySet<string> = new Set(["image/jpeg", "image/png", "image/gif", "image/webp"]);
const PDF = "application/pdf";

/** How the base64 of files begins whose sender did not say what they are. */
const SIGNATURES: readonly (readonly [start: string, mimeType: string])[] = [
  ["/9j/", "image/jpeg"],
  ["iVBORw0KGgo", "image/png"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
  ["JVBERi", PDF],
];

type MediaBlock = Exclude<ResultBlock, { readonly type: "text" }>;

/**
 * An image or a document as a block. What the bytes are decides which of them it is: callers of OpenAI's send PDFs as images.
 *
 * @throws GatewayError `untranslatable` for sound, film and formats Claude does not read.
 */
export function writeMedia(part: MediaPart, losses: Losses): MediaBlock {
  const { type, source, name } = part;
  if (type === "audio" || type === "video") throw untranslatable(losses.pathIn(part), `Claude takes no ${type}`);
  const title = name === undefined ? {} : { title: name };
  switch (source.kind) {
    case "text":
      return { type: "document", source: plainText(source.text), ...title };
    case "file-id":
      return { type, source: { type: "file", file_id: source.id }, ...(type === "document" ? title : {}) };
    case "url": {
      const isDocument = type === "document" || source.mimeType === PDF || /\.pdf(?:[?#]|$)/i.test(source.url);
      const written = { type: "url", url: source.url } as const;
      return isDocument ? { type: "document", source: written, ...title } : { type: "image", source: written };
    }
    case "bytes": {
      const mimeType = mediaType(source.mimeType, source.data);
      if (IMAGE_TYPES.has(mimeType)) return { type: "image", source: base64(mimeType, source.data) };
      if (mimeType === PDF) return { type: "document", source: base64(PDF, source.data), ...title };
      if (mimeType.startsWith("text/") || mimeType === "application/json") {
        return { type: "document", source: plainText(Buffer.from(source.data, "base64").toString()), ...title };
      }
      throw untranslatable(losses.pathIn(part), `Claude takes no ${type} of type ${JSON.stringify(mimeType)}`);
    }
  }
}

function base64(mimeType: string, data: string): BlockSource {
  return { type: "base64", media_type: mimeType, data };
}

function plainText(data: string): BlockSource {
  return { type: "text", media_type: "text/plain", data };
}

/** The type without parameters; what was not said is read from how the bytes begin. */
function mediaType(said: string, data: string): string {
  const mimeType = said.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (mimeType === "image/jpg") return "image/jpeg";
  if (mimeType !== "" && mimeType !== "application/octet-stream") return mimeType;
  return SIGNATURES.find(([start]) => data.startsWith(start))?.[1] ?? mimeType;
}
