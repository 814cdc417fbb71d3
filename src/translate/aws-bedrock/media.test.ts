import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError } from "../../errors/gateway-error.ts";
import { CHAT_FIELDS } from "../conversation/chat-completions/fields.ts";
import type { MediaPart } from "../conversation/conversation.ts";
import { Losses } from "../conversation/losses.ts";
import { MediaWriter } from "./media.ts";

const PNG = "iVBORw0KGgo=";

function media(type: MediaPart["type"], mimeType: string, data = "AAAA"): MediaPart {
  return { type, source: { kind: "bytes", mimeType, data } };
}

const files: readonly { name: string; in: MediaPart; want: unknown }[] = [
  {
    name: "an image whose type is not said",
    in: media("image", "", PNG),
    want: { image: { format: "png", source: { bytes: PNG } } },
  },
  {
    name: "an image on S3",
    in: { type: "image", source: { kind: "url", url: "s3://bucket/cat.JPG", mimeType: undefined } },
    want: { image: { format: "jpeg", source: { s3Location: { uri: "s3://bucket/cat.JPG" } } } },
  },
  {
    name: "a film",
    in: media("video", "video/quicktime"),
    want: { video: { format: "mov", source: { bytes: "AAAA" } } },
  },
  {
    name: "sound",
    in: media("audio", "audio/mpeg"),
    want: { audio: { format: "mp3", source: { bytes: "AAAA" } } },
  },
  {
    name: "a document with a name of forbidden characters",
    in: { ...media("document", "application/pdf"), name: "Q1/Q2  report_é.pdf" },
    want: { document: { format: "pdf", name: "Q1-Q2 report-", source: { bytes: "AAAA" } } },
  },
  {
    name: "a document known by its name only",
    in: { ...media("document", "application/octet-stream"), name: "notes.md" },
    want: { document: { format: "md", name: "notes", source: { bytes: "AAAA" } } },
  },
];

const refused: readonly { name: string; in: MediaPart; want: RegExp }[] = [
  {
    name: "an image by URL",
    in: { type: "image", source: { kind: "url", url: "https://example.com/a.png", mimeType: undefined } },
    want: /fetches no URLs/,
  },
  {
    name: "an uploaded file",
    in: { type: "document", source: { kind: "file-id", id: "file-1" } },
    want: /keeps no uploaded files/,
  },
  { name: "an image of a strange format", in: media("image", "image/tiff"), want: /format "tiff"/ },
  { name: "a film of no format", in: media("video", ""), want: /format that is not given/ },
];

describe("files for Converse", () => {
  for (const { name, in: part, want } of files) {
    it(name, () => {
      assert.deepEqual(new MediaWriter(new Losses(CHAT_FIELDS, {})).write(part), want);
    });
  }

  it("documents get names that differ", () => {
    const document = { ...media("document", "text/csv"), name: "a" };
    const writer = new MediaWriter(new Losses(CHAT_FIELDS, {}));
    const parts = [document, document, media("document", "text/csv")];
    const written = JSON.stringify(parts.map((part) => writer.write(part)));
    assert.deepEqual(written.match(/"name":"[^"]*"/g), ['"name":"a"', '"name":"a-2"', '"name":"document"']);
  });

  for (const { name, in: part, want } of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => new MediaWriter(new Losses(CHAT_FIELDS, {})).write(part),
        (error) => error instanceof GatewayError && error.code === "untranslatable" && want.test(error.message),
      );
    });
  }
});
