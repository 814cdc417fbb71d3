import assert from "node:assert/strict";
import { test } from "node:test";
import { CHAT_COMPLETIONS_CLIENT } from "./chat-completions/codec.ts";
import type { ClientCodec } from "./codec.ts";
import { GENERATE_CONTENT_CLIENT } from "./generate-content/codec.ts";
import { type ConversationField, Losses } from "./losses.ts";
import { MESSAGES_CLIENT } from "./messages/codec.ts";
import { RESPONSES_CLIENT } from "./responses/codec.ts";

const cases: readonly {
  name: string;
  client: ClientCodec;
  fields?: readonly ConversationField[];
  in?: Readonly<Record<string, unknown>>;
  want: readonly string[];
}[] = [
  {
    name: "chat completions have the words themselves",
    client: CHAT_COMPLETIONS_CLIENT,
    fields: ["seed", "user", "response_format"],
    want: ["seed", "user", "response_format"],
  },
  {
    name: "chat completions may name the user anew",
    client: CHAT_COMPLETIONS_CLIENT,
    fields: ["user"],
    in: { safety_identifier: "x" },
    want: ["safety_identifier"],
  },
  {
    name: "messages have words of their own",
    client: MESSAGES_CLIENT,
    fields: ["stop", "user", "parallel_tool_calls", "reasoning_effort", "response_format", "top_k"],
    want: [
      "stop_sequences",
      "metadata.user_id",
      "tool_choice.disable_parallel_tool_use",
      "output_config.effort",
      "output_config.format",
      "top_k",
    ],
  },
  {
    name: "messages of the beta say the format elsewhere",
    client: MESSAGES_CLIENT,
    fields: ["response_format"],
    in: { output_format: { type: "json_schema" } },
    want: ["output_format"],
  },
  {
    name: "responses have words of their own",
    client: RESPONSES_CLIENT,
    fields: ["response_format", "reasoning_effort", "logprobs", "user"],
    in: { reasoning: { effort: "low" }, include: ["x", "message.output_text.logprobs"], safety_identifier: "x" },
    want: ["text.format", "reasoning.effort", "include[1]", "safety_identifier"],
  },
  {
    name: "responses may speak of a summary and a number only",
    client: RESPONSES_CLIENT,
    fields: ["reasoning_effort", "logprobs", "user"],
    in: { reasoning: { summary: "auto" }, top_logprobs: 2 },
    want: ["reasoning.summary", "top_logprobs", "user"],
  },
  {
    name: "Gemini's are among the configuration",
    client: GENERATE_CONTENT_CLIENT,
    fields: ["n", "seed", "thinking", "thinking.budget_tokens", "tool_choice", "response_format"],
    in: { generation_config: { response_schema: {} } },
    want: [
      "generationConfig.candidateCount",
      "generationConfig.seed",
      "generationConfig.thinkingConfig",
      "generationConfig.thinkingConfig.thinkingBudget",
      "toolConfig.functionCallingConfig",
      "generationConfig.responseSchema",
    ],
  },
];

for (const { name, client, fields = [], in: document = {}, want } of cases) {
  test(name, () => {
    const losses = new Losses(client.fields, document);
    for (const field of fields) losses.drop(field);
    assert.deepEqual(losses.paths, want);
  });
}

const TEXT = { type: "text", text: "Hi" };
const requests: readonly { name: string; client: ClientCodec; in: Readonly<Record<string, unknown>>; want: unknown }[] =
  [
    {
      name: "a chat request",
      client: CHAT_COMPLETIONS_CLIENT,
      in: {
        messages: [
          { role: "system", content: "S" },
          { role: "user", content: [TEXT, { type: "image_url", image_url: { url: "https://e.com/a.png" } }] },
          {
            role: "assistant",
            reasoning_content: "Hm.",
            content: "Yes.",
            refusal: "No.",
            tool_calls: [{ id: "c", function: { name: "f" } }],
          },
          { role: "tool", tool_call_id: "c", content: "r" },
        ],
        tools: [{ type: "other" }, { type: "function", function: { name: "f" } }],
      },
      want: {
        system: ["messages[0].content"],
        turns: [
          ["messages[1].content[0]", "messages[1].content[1]"],
          ["messages[2].reasoning_content", "messages[2].content", "messages[2].refusal", "messages[2].tool_calls[0]"],
          ["messages[3]"],
        ],
        tools: ["tools[0]", "tools[1]"],
      },
    },
    {
      name: "a messages request",
      client: MESSAGES_CLIENT,
      in: {
        system: [TEXT, TEXT],
        messages: [
          { role: "user", content: "Hi" },
          { role: "assistant", content: [{ type: "thinking", thinking: "Hm.", signature: "s" }, TEXT] },
          { role: "user", content: [{ type: "tool_result", tool_use_id: "c", content: "r" }] },
        ],
        tools: [{ name: "f" }, { type: "bash_20250124", name: "bash" }],
      },
      want: {
        system: ["system[0]", "system[1]"],
        turns: [
          ["messages[0].content"],
          ["messages[1].content[0]", "messages[1].content[1]"],
          ["messages[2].content[0]"],
        ],
        tools: ["tools[0]", "tools[1]"],
      },
    },
    {
      name: "a responses request, whose items become turns",
      client: RESPONSES_CLIENT,
      in: {
        instructions: "S",
        input: [
          { role: "user", content: [{ type: "input_text", text: "Hi" }] },
          { type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }] },
          { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
          { type: "function_call_output", call_id: "c", output: "r" },
        ],
        tools: [{ type: "web_search" }, { type: "custom", name: "g" }],
      },
      want: {
        system: ["instructions"],
        turns: [["input[0].content[0]"], ["input[1]", "input[2]"], ["input[3]"]],
        tools: ["tools[0]", "tools[1]"],
      },
    },
    {
      name: "a request of Gemini's",
      client: GENERATE_CONTENT_CLIENT,
      in: {
        system_instruction: { parts: [{ text: "S" }] },
        contents: [
          { parts: [{ text: "Hi" }, { fileData: { fileUri: "https://e.com/a.png" } }] },
          { role: "model", parts: [{ text: "Hm.", thought: true }, { functionCall: { name: "f" } }] },
          { role: "user", parts: [{ functionResponse: { name: "f", response: {} } }] },
        ],
        tools: [{ google_search: {}, function_declarations: [{ name: "f" }] }],
      },
      want: {
        system: ["systemInstruction.parts[0]"],
        turns: [
          ["contents[0].parts[0]", "contents[0].parts[1]"],
          ["contents[1].parts[0]", "contents[1].parts[1]"],
          ["contents[2].parts[0]"],
        ],
        tools: ["tools[0].functionDeclarations[0]", "tools[0].googleSearch"],
      },
    },
  ];

for (const { name, client, in: document, want } of requests) {
  test(`${name} is read with the places of its parts`, () => {
    const { system, turns, tools } = client.readRequest(document);
    const read = {
      system: system.map(({ path }) => path),
      turns: turns.map(({ parts }) => parts.map(({ path }) => path)),
      tools: tools.map(({ path }) => path),
    };
    assert.deepEqual(read, want);
  });
}
