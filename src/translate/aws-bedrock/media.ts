import type { BlobSource, MediaBlock } from "../../apischema/aws-bedrock/converse.ts";
import type { MediaPart } from "../conversation/conversation.ts";
import { type Losses, untranslatable } from "../conversation/losses.ts";

/** Formats by the subtype of their media type, or by the ending of a name: ImageFormat, DocumentFormat, … of the API. */
const FORMATS: Readonly<Record<MediaPart["type"], ReadonlyMap<string, string>>> = {
  image: new Map([
    ["png", "png"],
    ["jpeg", "jpeg"],
    ["jpg", "jpeg"],
    ["gif", "gif"],
    ["webp", "webp"],
  ]),
  document: new Map([
    ["pdf", "pdf"],
    ["csv", "csv"],
    ["msword", "doc"],
    ["doc", "doc"],
    ["vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"],
    ["docx", "docx"],
    ["vnd.ms-excel", "xls"],
    ["xls", "xls"],
    ["vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"],
    ["xlsx", "xlsx"],
    ["html", "html"],
    ["plain", "txt"],
    ["txt", "txt"],
    ["markdown", "md"],
    ["md", "md"],
  ]),
  video: new Map([
    ["x-matroska", "mkv"],
    ["mkv", "mkv"],
    ["quicktime", "mov"],
    ["mov", "mov"],
    ["mp4", "mp4"],
    ["webm", "webm"],
    ["x-flv", "flv"],
    ["flv", "flv"],
    ["mpeg", "mpeg"],
    ["mpg", "mpg"],
    ["x-ms-wmv", "wmv"],
    ["wmv", "wmv"],
    ["3gpp", "three_gp"],
    ["3gp", "three_gp"],
  ]),
  audio: new Map([
    ["mpeg", "mp3"],
    ["mp3", "mp3"],
    ["wav", "wav"],
    ["x-wav", "wav"],
    ["wave", "wav"],
    ["flac", "flac"],
    ["x-flac", "flac"],
    ["ogg", "ogg"],
    ["opus", "opus"],
    ["aac", "aac"],
    ["mp4", "mp4"],
    ["m4a", "m4a"],
    ["x-m4a", "m4a"],
    ["webm", "webm"],
    ["pcm", "pcm"],
    ["l16", "pcm"],
    ["pcm16", "pcm"],
  ]),
};

/** How the base64 of files begins whose sender did not say what they are. */
const SIGNATURES: readonly (readonly [start: string, subtype: string])[] = [
  ["iVBORw0KGgo", "png"],
  ["/9j/", "jpeg"],
  ["R0lGOD", "gif"],
  ["UklGR", "webp"],
  ["JVBERi", "pdf"],
];

/** Writes the files of one request, whose documents must have names that differ. */
export class MediaWriter {
  readonly #losses: Losses;
  readonly #names = new Set<string>();

  /** @param losses Knows the paths of what is refused. */
  constructor(losses: Losses) {
    this.#losses = losses;
  }

  /**
   * A file as a block.
   *
   * @throws GatewayError `untranslatable` for formats Bedrock does not know, and for files that are elsewhere than on S3.
   */
  write(part: MediaPart): MediaBlock {
    const source = sourceOf(part, this.#losses);
    const format = formatOf(part, this.#losses);
    switch (part.type) {
      case "image":
        return { image: { format, source } };
      case "audio":
        return { audio: { format, source } };
      case "video":
        return { video: { format, source } };
      case "document":
        return { document: { format, name: this.#name(part.name, format), source } };
    }
  }

  /** Letters, digits, single spaces, hyphens, parentheses and brackets are all a name may have. */
  #name(given: string | undefined, format: string): string {
    const plain = (given ?? "").replace(new RegExp(`\\.${format}$`, "i"), "");
    const allowed = plain.replace(/[^A-Za-z0-9\s()[\]-]+/g, "-").replace(/\s+/g, " ");
    const base = allowed.trim().slice(0, NAME_LENGTH_MAX) || "document";
    let name = base;
    for (let count = 2; this.#names.has(name); count++) name = `${base}-${count}`;
    this.#names.add(name);
    return name;
  }
}

/** Room for a number within the API's 200 characters. */
const NAME_LENGTH_MAX = 190;

function formatOf(part: MediaPart, losses: Losses): string {
  const { type, source, name } = part;
  const said = subtypes(source, name);
  for (const subtype of said) {
    const format = FORMATS[type].get(subtype);
    if (format !== undefined) return format;
  }
  const what = said[0] === undefined ? "that is not given" : JSON.stringify(said[0]);
  throw untranslatable(losses.pathIn(part), `unsupported ${type} format ${what}`);
}

/** What the file may be, most reliable first. */
function subtypes(source: MediaPart["source"], name: string | undefined): readonly string[] {
  switch (source.kind) {
    case "bytes": {
      const seen = SIGNATURES.find(([start]) => source.data.startsWith(start))?.[1];
      return [subtypeOf(source.mimeType), seen, ending(name)].filter(isSaid);
    }
    case "url":
      return [subtypeOf(source.mimeType), ending(source.url), ending(name)].filter(isSaid);
    case "text":
      return ["plain"];
    case "file-id":
      return [];
  }
}

function isSaid(subtype: string | undefined): subtype is string {
  return subtype !== undefined && subtype !== "" && subtype !== "octet-stream";
}

function subtypeOf(mimeType: string | undefined): string | undefined {
  return mimeType?.split(";", 1)[0]?.split("/").at(-1)?.trim().toLowerCase();
}

function ending(name: string | undefined): string | undefined {
  return /\.([A-Za-z0-9]{1,8})$/.exec(name ?? "")?.[1]?.toLowerCase();
}

function sourceOf(part: MediaPart, losses: Losses): BlobSource {
  const { type, source } = part;
  switch (source.kind) {
    case "bytes":
      return { bytes: source.data };
    case "text":
      return { bytes: Buffer.from(source.text).toString("base64") };
    case "url":
      if (source.url.startsWith("s3://")) return { s3Location: { uri: source.url } };
      throw untranslatable(
        losses.pathIn(part),
        `AWS Bedrock fetches no URLs but s3:// ones; send the ${type} as a data URL`,
      );
    case "file-id":
      throw untranslatable(losses.pathIn(part), `AWS Bedrock keeps no uploaded files; send the ${type} itself`);
  }
}
