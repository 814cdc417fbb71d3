import assert from "node:assert/strict";
import { test } from "node:test";
import { testRecord } from "../telemetry/test-record.ts";
import type { Translator } from "../translate/translator.ts";
import { emptyFacts } from "../translate/translator.ts";
import { HeaderMap } from "../wire/headers.ts";
import type { Exchange } from "./exchange.ts";
import { type AnswerSink, Responder } from "./respond.ts";

/** A translator that writes what it reads in upper case, as another type. */
const UPPER: Translator = {
  facts: { ...emptyFacts(), state: "complete" },
  losses: [],
  request: () => ({ path: "/" }),
  responseHeaders: () => ({ headers: [["content-type", "text/event-stream"]] }),
  responseBody: (body) => ({ body }),
  streamChunk: (chunk) => Buffer.from(Buffer.from(chunk).toString().toUpperCase()),
  streamEnd: () => Buffer.from("END"),
  responseError: () => ({}),
};

function answer(contentType: string, droppedFields: string): { written: string[]; headers: HeaderMap } {
  const written: string[] = [];
  let headers: string[] = [];
  const sink: AnswerSink = {
    reply: (status, head, body) => {
      headers = head;
      written.push(`whole ${status}`, Buffer.from(body).toString());
    },
    streamHead: (status, head) => {
      headers = head;
      written.push(`stream ${status}`);
    },
    streamData: (bytes) => written.push(Buffer.from(bytes).toString()),
    streamEnd: () => written.push("end"),
    streamCut: () => written.push("cut"),
  };
  const log = { enabled: () => false };
  const exchange = {
    ...{ context: { nowMs: () => 1, log }, record: testRecord({ droppedFields }), dialect: "openai" },
    attempt: { translator: UPPER },
  } as unknown as Exchange;
  const responder = new Responder(exchange, sink);
  responder.onHead(200, new HeaderMap(["content-type", contentType]));
  responder.onData(Buffer.from("\0a"));
  responder.onData(Buffer.from("b"));
  responder.onEnd();
  return { written, headers: new HeaderMap(headers) };
}

for (const contentType of ["text/event-stream; charset=utf-8", "application/vnd.amazon.eventstream"]) {
  test(`an answer of type ${contentType} is relayed as it comes`, () => {
    const { written, headers } = answer(contentType, "");
    assert.deepEqual(written, ["stream 200", "\0A", "B", "END", "end"]);
    assert.equal(headers.get("content-type"), "text/event-stream");
  });
}

test("an answer says which fields of the request were dropped", () => {
  for (const contentType of ["text/event-stream", "application/json"]) {
    assert.equal(answer(contentType, "seed").headers.get("x-aigw-dropped-fields"), "seed");
    assert.equal(answer(contentType, "").headers.has("x-aigw-dropped-fields"), false);
  }
});
