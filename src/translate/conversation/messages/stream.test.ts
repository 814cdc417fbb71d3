import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { emptyUsage } from "../../../usage/token-usage.ts";
import type { AnswerEvent } from "../answer.ts";
import type { AnswerContext } from "../codec.ts";
import { MessageStreamWriter } from "./stream.ts";

const CONTEXT: AnswerContext = {
  model: "m",
  includeUsage: false,
  request: {},
  requestId: "r-1",
  newId: () => "1",
  now: () => 0,
};
const START: AnswerEvent = { type: "start", id: "", model: "", createdAt: undefined };

/** The data of each event written; checks that its name and type agree. */
function write(...events: AnswerEvent[]): Record<string, unknown>[] {
  const writer = new MessageStreamWriter(CONTEXT);
  const written = events.map((event) => writer.write(event)).join("");
  const blocks = written.split("\n\n").slice(0, -1);
  return blocks.map((block) => {
    const [, name = "", data = ""] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
    const parsed = JSON.parse(data) as Record<string, unknown>;
    assert.equal(parsed["type"], name);
    return parsed;
  });
}

describe("a streamed message", () => {
  it("has an id and a model of ours where the vendor gave none", () => {
    const [event] = write(START);
    assert.partialDeepStrictEqual(event, { message: { id: "msg_1", model: "m", content: [] } });
  });

  it("leaves out other choices and parts that only a vendor has, and numbers what is left", () => {
    const events = write(
      START,
      { type: "part", choice: 1, part: 0, begin: { type: "text" } },
      { type: "text", choice: 1, part: 0, text: "other" },
      { type: "part", choice: 0, part: 0, begin: { type: "vendor", block: {} } },
      { type: "part-end", choice: 0, part: 0 },
      { type: "part", choice: 0, part: 1, begin: { type: "redacted-thinking", data: "d" } },
      { type: "part-end", choice: 0, part: 1 },
    );
    assert.deepEqual(events.slice(1), [
      { type: "content_block_start", index: 0, content_block: { type: "redacted_thinking", data: "d" } },
      { type: "content_block_stop", index: 0 },
    ]);
  });

  it("tells the last usage and the stop sequence at the end", () => {
    const usage = {
      ...emptyUsage(),
      inputTokens: 10,
      cachedInputTokens: 4,
      cacheCreationInputTokens: 1,
      outputTokens: 5,
    };
    const events = write(
      START,
      { type: "usage", usage: { ...usage, outputTokens: 1 } },
      { type: "stop", choice: 0, reason: "stop-sequence", vendorReason: "x", stopSequence: "END" },
      { type: "usage", usage },
      { type: "done" },
    );
    assert.deepEqual(events.slice(1), [
      {
        type: "message_delta",
        delta: { stop_reason: "stop_sequence", stop_sequence: "END" },
        usage: { input_tokens: 5, cache_creation_input_tokens: 1, cache_read_input_tokens: 4, output_tokens: 5 },
      },
      { type: "message_stop" },
    ]);
  });

  it("keeps callers awake and tells errors", () => {
    const [, ping, error] = write(
      START,
      { type: "ping" },
      { type: "error", error: { type: "ThrottlingException", message: "slow down", status: 429 } },
    );
    assert.deepEqual(ping, { type: "ping" });
    assert.deepEqual(error, {
      type: "error",
      error: { type: "rate_limit_error", message: "slow down" },
      request_id: "r-1",
    });
  });
});
