import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { GatewayError } from "../../../errors/gateway-error.ts";
import type { Conversation } from "../conversation.ts";
import { withoutPaths } from "../test-paths.ts";
import { readRequest } from "./request.ts";

function read(fields: object): Conversation {
  return readRequest({ messages: [], ...fields });
}

function readUser(...content: object[]): unknown {
  return withoutPaths(read({ messages: [{ role: "user", content }] }).turns[0]?.parts);
}

describe("a messages request", () => {
  it("keeps fields that nobody reads, whole or by path", () => {
    const { extensions } = read({
      newer: 1,
      empty: null,
      output_config: { effort: "low", task_budget: 5 },
      messages: [{ role: "user", content: [{ type: "hologram" }] }],
    });
    assert.deepEqual(extensions, {
      newer: 1,
      "output_config.task_budget": 5,
      "messages[0].content[0]": { type: "hologram" },
    });
  });

  it("may lack max_tokens", () => assert.equal(read({}).sampling.maxTokens, undefined));

  it("has instructions of the field before those among the messages", () => {
    const { system, turns } = read({
      system: "One.",
      messages: [
        { role: "user", content: "Hi" },
        { role: "system", content: [{ type: "text", text: "Two.", cache_control: { type: "ephemeral", ttl: "1h" } }] },
      ],
    });
    assert.deepEqual(withoutPaths(system), [
      { type: "text", text: "One." },
      { type: "text", text: "Two.", cache: { ttl: "1h" } },
    ]);
    assert.equal(turns.length, 1);
  });

  const thinking = [
    { name: "with a budget", in: { type: "enabled", budget_tokens: 5 }, want: ["enabled", 5, true] },
    { name: "as the model likes", in: { type: "adaptive" }, want: ["adaptive", undefined, true] },
    { name: "unseen", in: { type: "adaptive", display: "omitted" }, want: ["adaptive", undefined, false] },
    { name: "not at all", in: { type: "disabled" }, want: ["disabled", undefined, undefined] },
    { name: "in a way yet to come", in: { type: "dreaming" }, want: [undefined, undefined, undefined] },
  ];
  for (const { name, in: given, want } of thinking) {
    it(`asks to think ${name}`, () => {
      const { reasoning } = read({ thinking: given, output_config: { effort: "high" } });
      assert.deepEqual([reasoning?.type, reasoning?.budgetTokens, reasoning?.includeThoughts], want);
      assert.equal(reasoning?.effort, "high");
    });
  }

  it("may ask for a format by its older name", () => {
    const format = { type: "json_schema", schema: { type: "object" } };
    assert.deepEqual(read({ output_format: format }).output, read({ output_config: { format } }).output);
    assert.deepEqual(read({ output_format: { type: "yaml" } }).extensions, { output_format: { type: "yaml" } });
  });
});

describe("a block", () => {
  const cases = [
    {
      name: "an image in a file",
      in: { type: "image", source: { type: "file", file_id: "f" } },
      want: [{ type: "image", source: { kind: "file-id", id: "f" } }],
    },
    {
      name: "a document of blocks, with an image among them",
      in: {
        type: "document",
        title: "T",
        source: {
          type: "content",
          content: [
            { type: "text", text: "a" },
            { type: "image", source: { type: "url", url: "u" } },
          ],
        },
      },
      want: [
        { type: "document", source: { kind: "text", text: "a" }, name: "T" },
        { type: "image", source: { kind: "url", url: "u", mimeType: undefined } },
      ],
    },
    {
      name: "a search result without a title",
      in: { type: "search_result", source: "https://example.com", content: [{ type: "text", text: "a" }] },
      want: [{ type: "text", text: "[Search result: https://example.com]\na\n" }],
    },
    {
      name: "a tool result with a search result",
      in: {
        type: "tool_result",
        tool_use_id: "t",
        is_error: true,
        cache_control: { type: "ephemeral", ttl: "2h" },
        content: [{ type: "search_result", title: "T", source: "s", content: [] }],
      },
      want: [
        {
          type: "tool-result",
          id: "t",
          parts: [{ type: "text", text: "[Search result: T, s]\n\n" }],
          isError: true,
          cache: { ttl: undefined },
        },
      ],
    },
  ];
  for (const { name, in: block, want } of cases) it(`is read: ${name}`, () => assert.deepEqual(readUser(block), want));

  const refused = [
    { name: "text without text", in: { type: "text" }, want: /messages\[0\]\.content\[0\]\.text: must be a string/ },
    {
      name: "a tool result without an id",
      in: { type: "tool_result" },
      want: /content\[0\]\.tool_use_id: must be a string/,
    },
    { name: "no type", in: {}, want: /content\[0\]\.type: must be a string/ },
    { name: "no source", in: { type: "image" }, want: /content\[0\]\.source: must be an object/ },
  ];
  for (const { name, in: block, want } of refused) {
    it(`is refused: ${name}`, () => {
      assert.throws(
        () => readUser(block),
        (error) => {
          assert.ok(error instanceof GatewayError);
          assert.match(error.message, want);
          return error.code === "invalid_request";
        },
      );
    });
  }
});

describe("tools", () => {
  it("are functions when they have no type or are custom, else the vendor's", () => {
    const { tools, extensions } = read({
      tools: [{ name: "a", input_schema: {} }, { type: "custom", name: "b", examples: [] }, { type: "bash_20250124" }],
    });
    assert.deepEqual(
      tools.map(({ type, name }) => [type, name]),
      [
        ["function", "a"],
        ["function", "b"],
        ["vendor", "bash_20250124"],
      ],
    );
    assert.deepEqual(extensions, { "tools[1].examples": [] });
  });

  const choices = [
    { name: "any one", in: { type: "any" }, want: [{ type: "required" }, undefined] },
    { name: "one at most", in: { type: "auto", disable_parallel_tool_use: true }, want: [{ type: "auto" }, false] },
    { name: "this one", in: { type: "tool", name: "a" }, want: [{ type: "tool", name: "a" }, undefined] },
    { name: "none", in: { type: "none" }, want: [{ type: "none" }, undefined] },
  ];
  for (const { name, in: given, want } of choices) {
    it(`are chosen: ${name}`, () => {
      const { toolChoice, parallelToolCalls } = read({ tool_choice: given });
      assert.deepEqual([toolChoice, parallelToolCalls], want);
    });
  }
});

describe("reading", () => {
  it("throws nothing but GatewayError, whatever the fields hold", () => {
    const role = fc.constantFrom("user", "assistant", "system", "x");
    const type = fc.constantFrom(
      ...["text", "image", "document", "search_result", "tool_result", "tool_use", "thinking", "x"],
    );
    const block = fc.oneof(
      fc.anything(),
      fc.record({ type, text: fc.anything(), source: fc.anything(), content: fc.anything(), input: fc.anything() }),
    );
    const messages = fc.array(fc.record({ role, content: fc.oneof(fc.string(), fc.array(block)) }));
    const document = fc.record(
      {
        messages,
        system: fc.anything(),
        tools: fc.array(fc.anything()),
        thinking: fc.anything(),
        metadata: fc.anything(),
      },
      { requiredKeys: ["messages"] },
    );
    fc.assert(
      fc.property(document, (fields) => {
        try {
          readRequest(fields);
        } catch (error) {
          assert.ok(error instanceof GatewayError, String(error));
          assert.equal(error.code, "invalid_request");
        }
      }),
      { numRuns: 500 },
    );
  });
});
