import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { GatewayError } from "../errors/gateway-error.ts";
import { AUDIO_SPEECH, AUDIO_TRANSCRIPTIONS, AUDIO_TRANSLATIONS } from "./audio.ts";
import type { Endpoint, ParsedRequest } from "./endpoint.ts";
import { IMAGES_EDITS, IMAGES_GENERATIONS } from "./images.ts";
import { TOKENIZE } from "./tokenize.ts";

const FORM = "multipart/form-data; boundary=b";

function parse(endpoint: Endpoint, body: string, contentType?: string): ParsedRequest {
  assert.ok(endpoint.parse);
  return endpoint.parse(Buffer.from(body), contentType, endpoint.paths[0] ?? "");
}

function form(...fields: (readonly [name: string, value: string])[]): string {
  const parts = fields.map(
    ([name, value]) => `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return `${parts.join("")}--b--\r\n`;
}

const MODEL = ["model", "whisper-1"] as const;
const FILE = ['file"; filename="a.wav', "RIFF"] as const;

describe("a form", () => {
  const cases: { name: string; endpoint: Endpoint; in: string; want: [model: string, stream: boolean] }[] = [
    { name: "a file and its model", endpoint: AUDIO_TRANSCRIPTIONS, in: form(FILE, MODEL), want: ["whisper-1", false] },
    {
      name: "a stream, in any case",
      endpoint: AUDIO_TRANSCRIPTIONS,
      in: form(FILE, MODEL, ["stream", "True"]),
      want: ["whisper-1", true],
    },
    {
      name: "no stream",
      endpoint: AUDIO_TRANSCRIPTIONS,
      in: form(FILE, MODEL, ["stream", "1"]),
      want: ["whisper-1", false],
    },
    {
      name: "a stream where there is none",
      endpoint: AUDIO_TRANSLATIONS,
      in: form(FILE, MODEL, ["stream", "true"]),
      want: ["whisper-1", false],
    },
    {
      name: "temperatures of all spellings",
      endpoint: AUDIO_TRANSLATIONS,
      in: form(FILE, MODEL, ["temperature", " 1e-1"]),
      want: ["whisper-1", false],
    },
    {
      name: "images to edit",
      endpoint: IMAGES_EDITS,
      in: form(['image[]"; filename="a', "x"], ['image[]"; filename="b', "y"], MODEL, ["stream", "true"]),
      want: ["whisper-1", true],
    },
  ];
  for (const { name, endpoint, in: body, want } of cases) {
    it(`is read with ${name}`, () => {
      const { model, stream, includeUsage } = parse(endpoint, body, FORM);
      assert.deepEqual([model, stream, includeUsage], [...want, false]);
    });
  }
});

describe("JSON beside forms", () => {
  it("names images to edit, too", () => {
    const { model, stream } = parse(IMAGES_EDITS, '{"model":"m","stream":true}', "application/json");
    assert.deepEqual([model, stream], ["m", true]);
  });

  it("asks for speech in events by its format", () => {
    const asked = ["sse", "audio", null].map((stream_format) =>
      parse(AUDIO_SPEECH, JSON.stringify({ model: "m", stream_format })),
    );
    assert.deepEqual(
      asked.map(({ stream }) => stream),
      [true, false, false],
    );
  });
});

describe("a request is refused with", () => {
  const read = "malformed request: failed to parse multipart form data: ";
  const cases: { name: string; endpoint?: Endpoint; in: string; contentType?: string; want: string }[] = [
    {
      name: "JSON for a form",
      in: '{"model":"m"}',
      contentType: "application/json",
      want: "malformed request: expected multipart/form-data content type for /v1/audio/transcriptions",
    },
    {
      name: "JSON for a form of another endpoint",
      endpoint: AUDIO_TRANSLATIONS,
      in: '{"model":"m"}',
      contentType: "application/json",
      want: "malformed request: expected multipart/form-data content type for /v1/audio/translations",
    },
    { name: "no boundary", in: form(), contentType: "multipart/form-data", want: `${read}missing boundary` },
    { name: "no model", in: form(FILE), want: "malformed request: missing required field 'model'" },
    { name: "no file", in: form(MODEL), want: "malformed request: missing required field 'file'" },
    {
      name: "no model for an edit",
      endpoint: IMAGES_EDITS,
      in: form(FILE),
      want: "malformed request: missing required field 'model'",
    },
    { name: "two models", in: form(FILE, MODEL, MODEL), want: `${read}the field 'model' is given twice` },
    {
      name: "two streams",
      in: form(FILE, MODEL, ["stream", ""], ["Stream", "true"]),
      want: `${read}the field 'stream' is given twice`,
    },
    {
      name: "a temperature that is no number",
      in: form(FILE, MODEL, ["temperature", 'warm"']),
      want: 'malformed request: invalid temperature value "warm\\"": not a number',
    },
    { name: "half a form", in: form(FILE, MODEL).slice(0, -5), want: `${read}the body ends before its last boundary` },
    {
      name: "a form for JSON",
      endpoint: IMAGES_GENERATIONS,
      in: form(MODEL),
      want: "malformed request: multipart body not supported for this endpoint",
    },
    {
      name: "speech in broken JSON",
      endpoint: AUDIO_SPEECH,
      in: '{"model":"m","stream_format":"\\x"}',
      contentType: "application/json",
      want: "malformed request: failed to parse JSON for /v1/audio/speech: bad escape or control character in the value at byte 29",
    },
    ...[
      { body: {}, want: "model field is required" },
      { body: { model: "m" }, want: "exactly one of 'prompt' and 'messages' is required" },
      { body: { model: "m", prompt: "", messages: [] }, want: "exactly one of 'prompt' and 'messages' is required" },
      {
        body: { model: "m", messages: [], add_generation_prompt: true, continue_final_message: true },
        want: "'continue_final_message' cannot go with 'add_generation_prompt'",
      },
    ].map(({ body, want }) => ({
      name: `tokens of ${JSON.stringify(body)}`,
      endpoint: TOKENIZE,
      in: JSON.stringify(body),
      contentType: "application/json",
      want: `malformed request: invalid tokenize request: ${want}`,
    })),
  ];
  for (const { name, endpoint = AUDIO_TRANSCRIPTIONS, in: body, contentType = FORM, want } of cases) {
    it(name, () => {
      assert.throws(
        () => parse(endpoint, body, contentType),
        (error) => {
          assert.ok(error instanceof GatewayError, String(error));
          assert.equal(error.message, want);
          return error.code === "invalid_request" && error.expose;
        },
      );
    });
  }

  it("nothing but GatewayError, whatever the bytes are", () => {
    const sample = form(FILE, MODEL, ["stream", "true"], ["temperature", "0"]);
    fc.assert(
      fc.property(fc.nat(sample.length - 1), fc.nat(255), (at, byte) => {
        const bytes = Buffer.from(sample);
        bytes[at] = byte;
        try {
          AUDIO_TRANSCRIPTIONS.parse?.(bytes, FORM, "");
        } catch (error) {
          if (!(error instanceof GatewayError && error.code === "invalid_request")) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});
