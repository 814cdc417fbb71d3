import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CHAT_FIELDS } from "../../conversation/chat-completions/fields.ts";
import type { Reasoning } from "../../conversation/conversation.ts";
import { Losses } from "../../conversation/losses.ts";
import { deploymentNamed, modelNamed } from "./model.ts";
import { writeReasoning } from "./reasoning.ts";

const NOTHING: Reasoning = {
  type: undefined,
  budgetTokens: undefined,
  effort: undefined,
  includeThoughts: undefined,
  display: undefined,
};
const DISABLED: Reasoning = { ...NOTHING, type: "disabled" };
const ADAPTIVE: Reasoning = { ...NOTHING, type: "adaptive" };

function enabled(budgetTokens: number): Reasoning {
  return { ...NOTHING, type: "enabled", budgetTokens };
}

function effort(word: string): Reasoning {
  return { ...NOTHING, effort: word };
}

describe("how much to think", () => {
  const cases = [
    { name: "a small budget is a low effort", model: "gpt-5", in: enabled(1024), want: { reasoning_effort: "low" } },
    { name: "a middling one is medium", model: "o3", in: enabled(4096), want: { reasoning_effort: "medium" } },
    { name: "a large one is high", model: "gpt-5.2", in: enabled(32_000), want: { reasoning_effort: "high" } },
    {
      name: "an effort goes before a budget",
      model: "gpt-5",
      in: { ...enabled(99), effort: "high" },
      want: { reasoning_effort: "high" },
    },
    {
      name: "the most is xhigh where there is one",
      model: "gpt-5.2",
      in: effort("max"),
      want: { reasoning_effort: "xhigh" },
    },
    {
      name: "the most is high where there is none",
      model: "gpt-5",
      in: effort("xhigh"),
      want: { reasoning_effort: "high" },
    },
    {
      name: "a newer word goes as it is",
      model: "gpt-5",
      in: effort("gigantic"),
      want: { reasoning_effort: "gigantic" },
    },
    { name: "no thinking is none", model: "gpt-5.1", in: DISABLED, want: { reasoning_effort: "none" } },
    { name: "no thinking was minimal once", model: "gpt-5-mini", in: DISABLED, want: { reasoning_effort: "minimal" } },
    { name: "no thinking cannot be had of all", model: "o3", in: DISABLED, want: {}, lost: ["thinking"] },
    { name: "no thinking is all that some can", model: "gpt-4o", in: DISABLED, want: {} },
    { name: "the model decides as it does anyway", model: "gpt-5", in: ADAPTIVE, want: {} },
    {
      name: "thinking is lost on models that do not",
      model: "gpt-4.1",
      in: enabled(9999),
      want: {},
      lost: ["thinking"],
    },
    { name: "chat variants do not think", model: "gpt-5-chat-latest", in: effort("low"), want: {}, lost: ["thinking"] },
    {
      name: "display is lost",
      model: "gpt-5",
      in: { ...ADAPTIVE, display: "omitted" },
      want: {},
      lost: ["thinking.display"],
    },
    { name: "nothing said is nothing sent", model: "gpt-5", in: undefined, want: {} },
    {
      name: "other models get it as it came",
      model: "deepseek-v4",
      in: enabled(1024),
      want: { thinking: { type: "enabled", budget_tokens: 1024 } },
    },
    {
      name: "a budget alone means thinking",
      model: "glm-5",
      in: { ...NOTHING, budgetTokens: 7 },
      want: { thinking: { type: "enabled", budget_tokens: 7 } },
    },
    {
      name: "other models get efforts as they are",
      model: "qwen3",
      in: effort("max"),
      want: { reasoning_effort: "max" },
    },
  ];
  for (const { name, model, in: reasoning, want, lost = [] } of cases) {
    it(name, () => {
      const losses = new Losses(CHAT_FIELDS, {});
      const written = writeReasoning(reasoning, { model: modelNamed(model), hasTools: false }, losses);
      assert.deepEqual(JSON.parse(JSON.stringify(written)), want);
      assert.deepEqual(losses.paths, lost);
    });
  }

  it("is none where the model takes either functions or efforts, asked for or not", () => {
    const losses = new Losses(CHAT_FIELDS, {});
    const asked = { model: modelNamed("gpt-5.4-mini"), hasTools: true };
    assert.deepEqual(writeReasoning(undefined, asked, losses), { reasoning_effort: "none" });
    assert.deepEqual(losses.paths, []);
    assert.deepEqual(writeReasoning(effort("low"), asked, losses), { reasoning_effort: "none" });
    assert.deepEqual(losses.paths, ["thinking"]);
  });
});

describe("the name of a model", () => {
  const cases = [
    { name: "gpt-4o", want: { isOpenAI: true, generation: 4, canReason: false } },
    { name: "gpt-4.1-nano", want: { isOpenAI: true, generation: 4.01, canReason: false } },
    { name: "gpt-3.5-turbo", want: { isOpenAI: true, generation: 3.05, canReason: false } },
    { name: "gpt-35-turbo", want: { isOpenAI: true, generation: undefined, canReason: false } },
    { name: "GPT-5.10", want: { isOpenAI: true, generation: 5.1, canReason: true } },
    { name: "openai/gpt-5.2-2025-12-11", want: { isOpenAI: true, generation: 5.02, canReason: true } },
    { name: "ft:gpt-4o-mini:acme::abc", want: { isOpenAI: true, generation: 4, canReason: false } },
    { name: "o4-mini", want: { isOpenAI: true, generation: undefined, canReason: true } },
    { name: "chatgpt-4o-latest", want: { isOpenAI: true, generation: undefined, canReason: false } },
    { name: "gpt-oss-120b", want: { isOpenAI: false, generation: undefined, canReason: true } },
    { name: "openai/gpt-oss-20b", want: { isOpenAI: false, generation: undefined, canReason: true } },
    { name: "olmo-3", want: { isOpenAI: false, generation: undefined, canReason: true } },
  ];
  for (const { name, want } of cases) it(`is read: ${name}`, () => assert.deepEqual(modelNamed(name), want));

  it("may be any at Azure, and the model is OpenAI's", () => {
    assert.deepEqual(deploymentNamed("my-deployment"), { isOpenAI: true, generation: undefined, canReason: true });
    assert.deepEqual(deploymentNamed("gpt-4o"), modelNamed("gpt-4o"));
  });
});
