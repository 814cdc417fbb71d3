import assert from "node:assert/strict";
import { test } from "node:test";
import { namesOf } from "./model-names.ts";

const CASES = [
  { name: "a plain name", in: "gpt-4o", want: ["gpt-4o"] },
  { name: "capital letters", in: "GPT-4o", want: ["gpt-4o"] },
  { name: "a dated snapshot", in: "gpt-4o-2024-08-06", want: ["gpt-4o-2024-08-06", "gpt-4o"] },
  { name: "Anthropic's date", in: "claude-opus-4-20250514", want: ["claude-opus-4-20250514", "claude-opus-4"] },
  { name: "Vertex's date", in: "claude-opus-4-1@20250805", want: ["claude-opus-4-1@20250805", "claude-opus-4-1"] },
  { name: "the newest version", in: "gpt-5-latest", want: ["gpt-5-latest", "gpt-5"] },
  { name: "a vendor before the name", in: "openai/gpt-4o", want: ["openai/gpt-4o", "gpt-4o"] },
  { name: "Gemini's path", in: "models/gemini-2.5-pro", want: ["models/gemini-2.5-pro", "gemini-2.5-pro"] },
  {
    name: "a tag, which changes the price",
    in: "openai/gpt-oss-20b:free",
    want: ["openai/gpt-oss-20b:free", "gpt-oss-20b:free"],
  },
  { name: "a name with a dot", in: "gpt-4.1", want: ["gpt-4.1"] },
  {
    name: "Bedrock's region and version",
    in: "eu.amazon.nova-pro-v1:0",
    want: ["eu.amazon.nova-pro-v1:0", "eu.amazon.nova-pro", "amazon.nova-pro-v1:0", "amazon.nova-pro"],
  },
  {
    name: "Bedrock's profile for all regions",
    in: "global.anthropic.claude-opus-5",
    want: ["global.anthropic.claude-opus-5", "claude-opus-5"],
  },
  {
    name: "an ARN",
    in: "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
    want: [
      "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
      "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-haiku-4-5-20251001",
      "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-haiku-4-5",
      "us.anthropic.claude-haiku-4-5-20251001-v1:0",
      "us.anthropic.claude-haiku-4-5-20251001",
      "us.anthropic.claude-haiku-4-5",
      "anthropic.claude-haiku-4-5-20251001-v1:0",
      "anthropic.claude-haiku-4-5-20251001",
      "anthropic.claude-haiku-4-5",
    ],
  },
  { name: "nothing", in: "", want: [] },
  { name: "nothing but a version", in: "-latest", want: ["-latest"] },
];

test("a model is looked for under its name, then under what is left without path, region and version", async (t) => {
  for (const { name, in: model, want } of CASES) {
    await t.test(name, () => assert.deepEqual(namesOf(model), want));
  }
});
