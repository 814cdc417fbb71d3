import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError } from "../../../errors/gateway-error.ts";
import { CHAT_FIELDS } from "../../conversation/chat-completions/fields.ts";
import { type Conversation, conversation, NO_SAMPLING, type Turn } from "../../conversation/conversation.ts";
import { Losses } from "../../conversation/losses.ts";
import { modelNamed } from "./model.ts";
import { writeRequest } from "./request.ts";

interface Written {
  readonly body: Record<string, unknown>;
  readonly losses: readonly string[];
}

function write(given: Partial<Conversation>, model = "gpt-4o"): Written {
  const losses = new Losses(CHAT_FIELDS, {});
  const body = writeRequest(conversation(given), { name: model, ...modelNamed(model) }, losses);
  return { body: JSON.parse(JSON.stringify(body)) as Record<string, unknown>, losses: losses.paths };
}

function messagesOf(turns: readonly Turn[], model?: string): unknown {
  return write({ turns }, model).body["messages"];
}

const text = (said: string) => ({ type: "text" as const, text: said });
const call = (id: string) => ({ type: "tool-call" as const, id, name: "f", arguments: "" });
const result = (id: string, said: string) => ({
  type: "tool-result" as const,
  id,
  parts: [text(said)],
  isError: false,
});
const writtenCall = (id: string) => ({ id, type: "function", function: { name: "f", arguments: "{}" } });

describe("turns of one side that follow one another", () => {
  const cases: { name: string; in: Turn[]; want: unknown[] }[] = [
    {
      name: "are one assistant message where calls are among them",
      in: [
        { role: "assistant", parts: [text("Look: ")] },
        { role: "assistant", parts: [call("1")] },
        { role: "assistant", parts: [call("2")] },
      ],
      want: [{ role: "assistant", content: "Look: ", tool_calls: [writtenCall("1"), writtenCall("2")] }],
    },
    {
      name: "stay apart where the assistant only spoke",
      in: [
        { role: "assistant", parts: [text("One.")] },
        { role: "assistant", parts: [text("Two.")] },
      ],
      want: [
        { role: "assistant", content: "One." },
        { role: "assistant", content: "Two." },
      ],
    },
    {
      name: "have the results of tools before what users say",
      in: [
        { role: "user", parts: [text("Hm,"), result("1", "a")] },
        { role: "user", parts: [result("2", "b")] },
        { role: "user", parts: [text("well.")] },
      ],
      want: [
        { role: "tool", tool_call_id: "1", content: "a" },
        { role: "tool", tool_call_id: "2", content: "b" },
        { role: "user", content: "Hm," },
        { role: "user", content: "well." },
      ],
    },
    {
      name: "are no messages where they are empty",
      in: [
        { role: "assistant", parts: [text("")] },
        { role: "user", parts: [] },
      ],
      want: [],
    },
  ];
  for (const { name, in: turns, want } of cases) it(name, () => assert.deepEqual(messagesOf(turns), want));
});

describe("what the model said", () => {
  it("has thoughts for servers that gave them", () => {
    const turns: Turn[] = [
      {
        role: "assistant",
        parts: [{ type: "thinking", text: "Hm.", signature: undefined, path: "contents[0].parts[0]" }, text("Yes.")],
      },
    ];
    assert.deepEqual(messagesOf(turns, "deepseek-reasoner"), [
      { role: "assistant", content: "Yes.", reasoning_content: "Hm." },
    ]);
    assert.deepEqual(write({ turns }).losses, ["contents[0].parts[0]"]);
    assert.deepEqual(messagesOf(turns), [{ role: "assistant", content: "Yes." }]);
  });

  it("has the signature of a call for servers that may know it", () => {
    const turns: Turn[] = [
      { role: "assistant", parts: [{ ...call("1"), signature: "s", path: "messages[0].tool_calls[0]" }] },
    ];
    const [message] = write({ turns }, "gemini-3-pro").body["messages"] as [object];
    assert.deepEqual(message, {
      role: "assistant",
      content: null,
      tool_calls: [{ ...writtenCall("1"), extra_content: { google: { thought_signature: "s" } } }],
    });
    assert.deepEqual(write({ turns }).losses, ["messages[0].tool_calls[0].extra_content.google.thought_signature"]);
  });

  it("has a refusal as one", () => {
    const turns: Turn[] = [{ role: "assistant", parts: [{ type: "refusal", text: "No." }] }];
    assert.deepEqual(messagesOf(turns), [{ role: "assistant", content: null, refusal: "No." }]);
  });
});

describe("a failed tool", () => {
  const cases = [
    { name: "says that it failed", in: "no such city", want: "Error: no such city" },
    { name: "says it once", in: "ERROR 404", want: "ERROR 404" },
    { name: "says at least that", in: "", want: "Error: " },
  ];
  for (const { name, in: said, want } of cases) {
    it(name, () => {
      const turns: Turn[] = [{ role: "user", parts: [{ ...result("1", said), isError: true }] }];
      assert.deepEqual(messagesOf(turns), [{ role: "tool", tool_call_id: "1", content: want }]);
    });
  }
});

describe("media", () => {
  const bytes = (mimeType: string) => ({ kind: "bytes" as const, mimeType, data: "AAAA" });
  const url = { kind: "url" as const, url: "https://example.com/a", mimeType: undefined };
  const cases = [
    {
      name: "an image with detail",
      in: { type: "image" as const, source: url, detail: "low" },
      want: { type: "image_url", image_url: { url: url.url, detail: "low" } },
    },
    {
      name: "a sound",
      in: { type: "audio" as const, source: bytes("audio/mpeg") },
      want: { type: "input_audio", input_audio: { data: "AAAA", format: "mp3" } },
    },
    {
      name: "a sound by its address",
      in: { type: "audio" as const, source: url },
      want: { type: "audio_url", audio_url: { url: url.url } },
    },
    {
      name: "a film",
      in: { type: "video" as const, source: bytes("video/mp4") },
      want: { type: "video_url", video_url: { url: "data:video/mp4;base64,AAAA" } },
    },
    {
      name: "a document that was uploaded",
      in: { type: "document" as const, source: { kind: "file-id" as const, id: "file-1" } },
      want: { type: "file", file: { file_id: "file-1" } },
    },
    {
      name: "a document without a name",
      in: { type: "document" as const, source: bytes("application/pdf") },
      want: { type: "file", file: { filename: "document.pdf", file_data: "data:application/pdf;base64,AAAA" } },
    },
  ];
  for (const { name, in: part, want } of cases) {
    it(`is written: ${name}`, () => {
      assert.deepEqual(messagesOf([{ role: "user", parts: [part] }]), [{ role: "user", content: [want] }]);
    });
  }

  const refused = [
    { name: "a sound of another type", in: { type: "audio" as const, source: bytes("audio/flac") } },
    { name: "a document by its address", in: { type: "document" as const, source: url } },
    { name: "an uploaded image", in: { type: "image" as const, source: { kind: "file-id" as const, id: "x" } } },
  ];
  for (const { name, in: part } of refused) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => write({ turns: [{ role: "user", parts: [part] }] }), isUntranslatable);
    });
  }
});

describe("tools", () => {
  const tool = {
    type: "function" as const,
    name: "f",
    description: undefined,
    parameters: undefined,
    strict: undefined,
  };
  const search = {
    type: "vendor" as const,
    dialect: "messages" as const,
    name: "web_search",
    definition: {},
    path: "tools[0]",
  };

  it("that are another vendor's are lost, and a choice among them too", () => {
    const { body, losses } = write({ tools: [search], toolChoice: { type: "required" }, parallelToolCalls: false });
    assert.deepEqual(losses, ["tools[0]", "tool_choice"]);
    assert.deepEqual(
      [body["tools"], body["tool_choice"], body["parallel_tool_calls"]],
      [undefined, undefined, undefined],
    );
  });

  it("may all be forbidden", () => {
    assert.equal(write({ tools: [tool], toolChoice: { type: "none" } }).body["tool_choice"], "none");
  });

  it("cannot be forced when they are not there", () => {
    const toolChoice = { type: "tool" as const, name: "web_search" };
    assert.throws(() => write({ tools: [tool, search], toolChoice }), isUntranslatable);
  });

  it("want an id for each call", () => {
    assert.throws(() => write({ turns: [{ role: "assistant", parts: [call("")] }] }), isUntranslatable);
  });
});

describe("a request", () => {
  it("has what OpenAI has a word for, and names the rest as lost", () => {
    const sampling = { ...NO_SAMPLING, topK: 5, seed: 7, n: 2, frequencyPenalty: 0.1, presencePenalty: 0.2 };
    const { body, losses } = write({
      sampling: { ...sampling, logprobs: true, topLogprobs: 3 },
      output: { type: "json" },
      serviceTier: "standard_only",
      userId: "u",
      metadata: { a: "b" },
      extensions: { safetySettings: [] },
    });
    assert.deepEqual(body, {
      messages: [],
      model: "gpt-4o",
      response_format: { type: "json_object" },
      seed: 7,
      n: 2,
      frequency_penalty: 0.1,
      presence_penalty: 0.2,
      logprobs: true,
      top_logprobs: 3,
      service_tier: "default",
      user: "u",
    });
    assert.deepEqual(losses, ["top_k", "metadata", "safetySettings"]);
  });
});

function isUntranslatable(error: unknown): boolean {
  return error instanceof GatewayError && error.code === "untranslatable";
}
