import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Content } from "../../apischema/gcp/generate-content.ts";
import { GatewayError } from "../../errors/gateway-error.ts";
import { HeaderMap } from "../../wire/headers.ts";
import { CHAT_FIELDS } from "../conversation/chat-completions/fields.ts";
import {
  type AssistantPart,
  type Conversation,
  conversation,
  NO_SAMPLING,
  type Turn,
} from "../conversation/conversation.ts";
import { Losses } from "../conversation/losses.ts";
import { writeRequest } from "./request.ts";

const CONTEXT = {
  prefix: undefined,
  version: undefined,
  modelOverride: undefined,
  requestHeaders: new HeaderMap(),
  requestId: "r-1",
  newId: () => "id",
  now: () => 0,
};
const NO_REASONING = {
  type: undefined,
  budgetTokens: undefined,
  effort: undefined,
  includeThoughts: undefined,
  display: undefined,
};
const SKIP = Buffer.from("skip_thought_signature_validator").toString("base64");
const SCHEMA = { type: "object", properties: { a: { type: ["string", "null"] } }, additionalProperties: false };
const TOOL = { type: "function", name: "f", description: undefined, parameters: SCHEMA, strict: undefined } as const;

function write(
  given: Partial<Conversation>,
  model: string,
): { body: Record<string, unknown>; losses: readonly string[] } {
  const losses = new Losses(CHAT_FIELDS, {});
  const { body } = writeRequest(conversation(given), { model, context: CONTEXT }, losses);
  return { body: JSON.parse(JSON.stringify(body)) as Record<string, unknown>, losses: losses.paths };
}

function call(id: string, signature?: string): AssistantPart {
  return { type: "tool-call", id, name: `f-${id}`, arguments: "", signature };
}

function thinking(text: string, signature?: string): AssistantPart {
  return { type: "thinking", text, signature };
}

const OLD = "gemini-2.0-flash";
const MIDDLE = "gemini-2.5-flash";
const NEW = "gemini-3-pro-preview";

describe("what is thought about goes to Gemini as its generation has it", () => {
  const cases = [
    {
      name: "an effort to the first Pro of generation 3",
      model: NEW,
      in: { effort: "medium" },
      want: { thinkingLevel: "HIGH" },
    },
    {
      name: "an effort to a later Pro",
      model: "gemini-3.1-pro",
      in: { effort: "medium" },
      want: { thinkingLevel: "MEDIUM" },
    },
    { name: "a high effort to Pro", model: NEW, in: { effort: "high" }, want: { thinkingLevel: "HIGH" } },
    { name: "the highest effort", model: NEW, in: { effort: "xhigh" }, want: { thinkingLevel: "HIGH" } },
    { name: "no effort to Flash", model: "gemini-3-flash", in: { effort: "none" }, want: { thinkingLevel: "MINIMAL" } },
    { name: "no effort to Pro", model: NEW, in: { effort: "none" }, want: { thinkingLevel: "LOW" } },
    { name: "an effort to generation 2.5", model: MIDDLE, in: { effort: "low" }, want: { thinkingBudget: 1024 } },
    { name: "no effort to generation 2.5", model: MIDDLE, in: { effort: "none" }, want: { thinkingBudget: 0 } },
    { name: "no effort to its Pro", model: "gemini-2.5-pro", in: { effort: "none" }, want: { thinkingBudget: 128 } },
    {
      name: "a budget",
      model: MIDDLE,
      in: { type: "enabled", budgetTokens: 2000, effort: "high" },
      want: { includeThoughts: true, thinkingBudget: 2000 },
    },
    {
      name: "a budget without showing",
      model: MIDDLE,
      in: { type: "enabled", budgetTokens: 2000, includeThoughts: false },
      want: { includeThoughts: false, thinkingBudget: 2000 },
    },
    {
      name: "as the model likes",
      model: MIDDLE,
      in: { type: "adaptive" },
      want: { includeThoughts: true, thinkingBudget: -1 },
    },
    { name: "omitted", model: NEW, in: { type: "adaptive", display: "omitted" }, want: { includeThoughts: false } },
    { name: "disabled", model: MIDDLE, in: { type: "disabled" }, want: { thinkingBudget: 0 } },
    {
      name: "an effort to a model that does not think",
      model: OLD,
      in: { effort: "low" },
      want: undefined,
      losses: ["reasoning_effort"],
    },
  ] as const;
  for (const { name, model, in: reasoning, want, ...more } of cases) {
    it(name, () => {
      const { body, losses } = write({ reasoning: { ...NO_REASONING, ...reasoning } }, model);
      assert.deepEqual(body["generationConfig"], want === undefined ? {} : { thinkingConfig: want });
      assert.deepEqual(losses, "losses" in more ? more.losses : []);
    });
  }
});

describe("schemas are", () => {
  const output = {
    type: "json-schema",
    name: undefined,
    schema: SCHEMA,
    strict: true,
    description: undefined,
  } as const;
  const old = { type: "object", properties: { a: { type: "string", nullable: true } } };

  it("JSON Schema from generation 2.5 on", () => {
    const { body } = write({ output, tools: [TOOL] }, MIDDLE);
    assert.deepEqual(body["generationConfig"], { responseMimeType: "application/json", responseJsonSchema: SCHEMA });
    assert.deepEqual(body["tools"], [{ functionDeclarations: [{ name: "f", parametersJsonSchema: SCHEMA }] }]);
  });

  it("OpenAPI's subset before", () => {
    const { body } = write({ output, tools: [TOOL] }, OLD);
    assert.deepEqual(body["generationConfig"], { responseMimeType: "application/json", responseSchema: old });
    assert.deepEqual(body["tools"], [{ functionDeclarations: [{ name: "f", parameters: old }] }]);
  });
});

describe("guided output is", () => {
  const cases = [
    {
      name: "a choice",
      in: { guided_choice: ["a", "b"] },
      want: { responseMimeType: "text/x.enum", responseSchema: { type: "STRING", enum: ["a", "b"] } },
    },
    {
      name: "a pattern",
      in: { guided_regex: "a+" },
      want: { responseMimeType: "application/json", responseSchema: { type: "STRING", pattern: "a+" } },
    },
    {
      name: "a schema as text",
      in: { guided_json: '{"type":"object"}' },
      want: { responseMimeType: "application/json", responseJsonSchema: { type: "object" } },
    },
  ];
  for (const { name, in: extensions, want } of cases) {
    it(name, () => assert.deepEqual(write({ extensions }, MIDDLE).body["generationConfig"], want));
  }

  it("refused twice", () => {
    const twice = { extensions: { guided_regex: "a" }, output: { type: "json" } } as const;
    assert.throws(() => write(twice, MIDDLE), /response_format, guided_regex: only one of them can be given/);
  });
});

describe("fields of Gemini's own", () => {
  it("pass from other dialects", () => {
    const extensions = {
      safetySettings: [{ category: "c", threshold: "t" }],
      cached_content: "c/1",
      modalities: ["text", "image"],
      generationConfig: { media_resolution: "MEDIA_RESOLUTION_LOW", other: 1 },
      logit_bias: {},
    };
    const { body, losses } = write({ extensions, sampling: { ...NO_SAMPLING, topK: 3 } }, NEW);
    assert.deepEqual(body, {
      contents: [],
      generationConfig: { topK: 3, responseModalities: ["TEXT", "IMAGE"], mediaResolution: "MEDIA_RESOLUTION_LOW" },
      safetySettings: [{ category: "c", threshold: "t" }],
      cachedContent: "c/1",
    });
    assert.deepEqual(losses, ["logit_bias", "generationConfig.other"]);
  });

  it("are tools too", () => {
    const vendor = (name: string, definition: object, dialect: "chat-completions" | "messages" = "chat-completions") =>
      ({ type: "vendor", dialect, name, definition, path: `tools[${name}]` }) as const;
    const search = {
      exclude_domains: ["a.test"],
      blocking_confidence: "B",
      time_range_filter: { start_time: "2026-01-01T00:00:00Z", end_time: "soon" },
    };
    const tools = [
      TOOL,
      vendor("google_search", { google_search: search }),
      vendor("enterprise_search", {}),
      vendor("web_search_20250305", { blocked_domains: ["b.test"], max_uses: 3 }, "messages"),
      vendor("bash_20250124", {}, "messages"),
    ];
    const { body, losses } = write({ tools }, MIDDLE);
    assert.deepEqual(body["tools"], [
      {
        googleSearch: {
          excludeDomains: ["a.test"],
          blockingConfidence: "B",
          timeRangeFilter: { startTime: "2026-01-01T00:00:00Z" },
        },
      },
      { enterpriseWebSearch: {} },
      { googleSearch: { excludeDomains: ["b.test"] } },
      { functionDeclarations: [{ name: "f", parametersJsonSchema: SCHEMA }] },
    ]);
    assert.deepEqual(losses, ["tools[web_search_20250305].max_uses", "tools[bash_20250124]"]);
    assert.throws(
      () => write({ tools: [vendor("image_generation", {})] }, MIDDLE),
      /"image_generation" is not supported/,
    );
  });
});

describe("signatures go back to where Gemini has sent them:", () => {
  const cases = [
    {
      name: "on the call",
      in: [thinking("t", "c2ln"), call("1", "c2ln"), call("2")],
      want: ["t", "call c2ln", "call"],
    },
    {
      name: "on the call, from the thinking before it",
      in: [thinking("t", "c2ln"), call("1")],
      want: ["t", "call c2ln"],
    },
    {
      name: "on each of several calls",
      in: [thinking("", "c2lx"), call("1", "c2lx"), call("2", "c2ly")],
      want: ["call c2lx", "call c2ly"],
    },
    { name: "on the text", in: [thinking("t", "c2ln"), { type: "text", text: "x" } as const], want: ["t", "x c2ln"] },
    {
      name: "on the text, from thinking after it",
      in: [{ type: "text", text: "x" } as const, thinking("", "c2ln")],
      want: ["x c2ln"],
    },
    {
      name: "not on text before a call",
      in: [thinking("", "c2ln"), { type: "text", text: "x" } as const, call("1")],
      want: ["x", "call c2ln"],
    },
    { name: "a substitute for a call of another vendor's", in: [call("1"), call("2")], want: [`call ${SKIP}`, "call"] },
    { name: "not one that is no base64", in: [thinking("t", "*"), call("1")], want: ["t", `call ${SKIP}`] },
  ];
  for (const { name, in: parts, want } of cases) {
    it(name, () => {
      const { body } = write({ turns: [{ role: "assistant", parts }] }, NEW);
      const [content] = body["contents"] as Content[];
      const shown = content?.parts.map(({ text, thoughtSignature }) =>
        [text ?? "call", thoughtSignature].join(" ").trim(),
      );
      assert.deepEqual(shown, want);
    });
  }

  it("no substitute before generation 3", () => {
    const { body } = write({ turns: [{ role: "assistant", parts: [call("1")] }] }, MIDDLE);
    assert.deepEqual(body["contents"], [{ role: "model", parts: [{ functionCall: { name: "f-1", args: {} } }] }]);
  });
});

describe("results of tools", () => {
  const text = (text: string) => ({ type: "text", text }) as const;
  const result = (id: string, isError = false) => ({ type: "tool-result", id, parts: [text(id)], isError }) as const;

  it("come first and in the order of their calls", () => {
    const turns: Turn[] = [
      { role: "assistant", parts: [call("1"), call("2")] },
      { role: "user", parts: [text("So?"), result("2", true)] },
      { role: "user", parts: [result("1")] },
    ];
    const { body } = write({ turns }, MIDDLE);
    assert.deepEqual((body["contents"] as Content[])[1], {
      role: "user",
      parts: [
        { functionResponse: { name: "f-1", response: { output: "1" } } },
        { functionResponse: { name: "f-2", response: { error: "2" } } },
        { text: "So?" },
      ],
    });
  });

  it("may have images, which follow", () => {
    const image = { type: "image", source: { kind: "bytes", mimeType: "image/png", data: "AA==" } } as const;
    const turns: Turn[] = [
      { role: "assistant", parts: [call("1")] },
      { role: "user", parts: [{ ...result("1"), parts: [text("see"), image] }] },
    ];
    const { body } = write({ turns }, MIDDLE);
    assert.deepEqual((body["contents"] as Content[])[1]?.parts, [
      { functionResponse: { name: "f-1", response: { output: "see" } } },
      { inlineData: { mimeType: "image/png", data: "AA==" } },
    ]);
  });

  it("are refused without their call", () => {
    assert.throws(
      () => write({ turns: [{ role: "user", parts: [result("9")] }] }, MIDDLE),
      /no call of a tool before has the id "9"/,
    );
  });
});

describe("files", () => {
  const cases = [
    {
      name: "a URL of a known extension",
      in: { kind: "url", url: "gs://b/x.PNG", mimeType: undefined },
      want: { fileData: { mimeType: "image/png", fileUri: "gs://b/x.PNG" } },
    },
    {
      name: "a URL with a query",
      in: { kind: "url", url: "https://a.test/x.webp?y=1.png", mimeType: undefined },
      want: { fileData: { mimeType: "image/webp", fileUri: "https://a.test/x.webp?y=1.png" } },
    },
    {
      name: "a URL of an unknown one",
      in: { kind: "url", url: "https://a.test/x", mimeType: undefined },
      want: { fileData: { mimeType: "image/jpeg", fileUri: "https://a.test/x" } },
    },
    {
      name: "bytes without a type",
      in: { kind: "bytes", mimeType: "", data: "AA==" },
      want: { inlineData: { mimeType: "image/jpeg", data: "AA==" } },
    },
    { name: "a text", in: { kind: "text", text: "t" }, want: { text: "t" } },
  ] as const;
  for (const { name, in: source, want } of cases) {
    it(`go as ${name}`, () => {
      const { body } = write({ turns: [{ role: "user", parts: [{ type: "image", source }] }] }, MIDDLE);
      assert.deepEqual((body["contents"] as Content[])[0]?.parts, [want]);
    });
  }

  it("of another vendor are refused", () => {
    const part = { type: "document", source: { kind: "file-id", id: "file-1" } } as const;
    assert.throws(() => write({ turns: [{ role: "user", parts: [part] }] }, MIDDLE), GatewayError);
  });

  it("have their detail in generation 3 only", () => {
    const part = {
      type: "image",
      path: "messages[0].content[1]",
      detail: "low",
      source: { kind: "bytes", mimeType: "image/png", data: "AA==" },
    } as const;
    const turns = [{ role: "user", parts: [part] }] as const;
    const inlineData = { mimeType: "image/png", data: "AA==" };
    assert.deepEqual((write({ turns }, NEW).body["contents"] as Content[])[0]?.parts, [
      { inlineData, mediaResolution: { level: "MEDIA_RESOLUTION_LOW" } },
    ]);
    const before = write({ turns }, MIDDLE);
    assert.deepEqual((before.body["contents"] as Content[])[0]?.parts, [{ inlineData }]);
    assert.deepEqual(before.losses, ["messages[0].content[1].image_url.detail"]);
    assert.throws(
      () => write({ turns: [{ role: "user", parts: [{ ...part, detail: "huge" }] }] }, NEW),
      /"huge" is not known/,
    );
  });
});

it("contents alternate and none is empty, whatever the turns are", () => {
  const part = fc.record({ type: fc.constant("text" as const), text: fc.constantFrom("", "a", "b") });
  const turn: fc.Arbitrary<Turn> = fc.record({
    role: fc.constantFrom("user" as const, "assistant" as const),
    parts: fc.array(part),
  });
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 8 }), (turns) => {
      const contents = write({ turns }, NEW).body["contents"] as Content[];
      for (const [i, { role, parts }] of contents.entries()) {
        assert.notEqual(role, contents[i - 1]?.role);
        assert.notEqual(parts.length, 0);
      }
      const said = turns.flatMap(({ parts }) => parts.map((each) => ("text" in each ? each.text : ""))).join("");
      assert.equal(contents.flatMap(({ parts }) => parts.map(({ text }) => text)).join(""), said);
    }),
    { numRuns: 100 },
  );
});
