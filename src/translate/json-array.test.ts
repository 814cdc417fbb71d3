import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GENERATE_CONTENT } from "../endpoints/generate-content.ts";
import { HeaderMap } from "../wire/headers.ts";
import { findTranslator } from "./registry.ts";
import type { Translator } from "./translator.ts";

const EVENT = '{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}';
const LAST = '{"candidates":[{"finishReason":"STOP"}]}';

function begin(query: string): Translator {
  const create = findTranslator("GCPVertexAI", "generate-content");
  assert.ok(create && GENERATE_CONTENT.parse);
  const translator = create({
    prefix: "v1beta",
    version: undefined,
    modelOverride: undefined,
    requestHeaders: new HeaderMap(),
    requestId: "r-1",
    newId: () => "id-1",
    now: () => 0,
  });
  const body = Buffer.from('{"contents":[]}');
  const parsed = GENERATE_CONTENT.parse(body, undefined, `/v1beta/models/m:streamGenerateContent${query}`);
  assert.equal(translator.request(body, parsed).path, "/v1beta/models/m:streamGenerateContent?alt=sse");
  return translator;
}

function replay(translator: Translator, stream: string): string[] {
  return [
    String(translator.responseHeaders(200, new HeaderMap()).headers ?? ""),
    ...stream.split(/(?<=\n\n)/).map((event) => Buffer.from(translator.streamChunk(Buffer.from(event))).toString()),
    Buffer.from(translator.streamEnd()).toString(),
  ];
}

describe("a stream as an array", () => {
  const cases = [
    {
      name: "has its items as they come",
      in: `data: ${EVENT}\n\ndata: ${LAST}\n\n`,
      want: [`[${EVENT}`, `,\r\n${LAST}`, "]"],
    },
    { name: "that is cut off stays open for the error", in: `data: ${EVENT}\n\n`, want: [`[${EVENT}`, ""] },
    { name: "takes an event without its blank line", in: `data: ${LAST}`, want: ["", `[${LAST}]`] },
  ];
  for (const { name, in: stream, want } of cases) {
    it(name, () => assert.deepEqual(replay(begin(""), stream), ["content-type,application/json", ...want]));
  }

  it("is none where events were asked for", () => {
    const stream = `data: ${EVENT}\n\ndata: ${LAST}\n\n`;
    assert.deepEqual(replay(begin("?alt=sse"), stream).join(""), stream);
  });
});
