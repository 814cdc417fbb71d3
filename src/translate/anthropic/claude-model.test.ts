import assert from "node:assert/strict";
import { test } from "node:test";
import { claudeModel } from "./claude-model.ts";

const cases = [
  { name: "claude-2.1", want: "" },
  { name: "claude-instant-1.2", want: "" },
  { name: "anthropic.claude-v2:1", want: "" },
  { name: "claude-3-5-sonnet-20241022", want: "" },
  { name: "claude-3-7-sonnet@20250219", want: "" },
  { name: "claude-sonnet-4-20250514", want: "" },
  { name: "claude-opus-4-1-20250805", want: "" },
  { name: "claude-haiku-4-5-20251001", want: "output" },
  { name: "us.anthropic.claude-sonnet-4-5-20250929-v1:0", want: "output" },
  { name: "anthropic/claude-sonnet-4.5", want: "output" },
  { name: "claude-opus-4-5@20251101", want: "output effort" },
  { name: "claude-sonnet-4-6", want: "output effort adaptive" },
  { name: "anthropic.claude-opus-4-6-v1", want: "output effort adaptive" },
  { name: "Claude-Opus-4-10", want: "output effort adaptive" },
  { name: "claude-haiku-5-5", want: "output effort adaptive" },
  { name: "claude-sonnet-5", want: "output effort adaptive" },
  { name: "claude-fable-5-1", want: "output effort adaptive always" },
  { name: "anthropic.claude-mythos-preview", want: "output effort adaptive always" },
  { name: "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", want: "output effort adaptive" },
];

for (const { name, want } of cases) {
  test(`what ${name} can do is read from its name`, () => {
    const model = claudeModel(name);
    const can = [
      model.hasStructuredOutput && "output",
      model.hasEffort && "effort",
      model.hasAdaptiveThinking && "adaptive",
      !model.canStopThinking && "always",
    ];
    assert.equal(can.filter(Boolean).join(" "), want);
  });
}
