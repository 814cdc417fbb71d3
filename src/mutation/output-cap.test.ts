import assert from "node:assert/strict";
import { test } from "node:test";
import { prepareBodyMutation } from "./body.ts";
import { outputCapChange } from "./output-cap.ts";

const CHAT = ["max_completion_tokens", "max_tokens"];
const CONVERSE = ["inferenceConfig.maxTokens"];

const cases: readonly {
  name: string;
  in: { set?: Readonly<Record<string, string>>; remove?: readonly string[]; paths?: readonly string[] };
  want: ReturnType<typeof outputCapChange>;
}[] = [
  { name: "nothing", in: {}, want: undefined },
  { name: "other fields", in: { set: { temperature: "0", "a.max_tokens": "5" }, remove: ["n"] }, want: undefined },
  { name: "a cap where there are none", in: { set: { max_tokens: "5" }, paths: [] }, want: undefined },
  { name: "another's cap", in: { set: { max_tokens: "5" }, paths: CONVERSE }, want: undefined },
  {
    name: "a cap, and the caller may have set the other",
    in: { set: { max_tokens: "500" } },
    want: { set: 500, kept: ["max_completion_tokens"] },
  },
  {
    name: "a cap instead of the other",
    in: { set: { max_tokens: "500" }, remove: ["max_completion_tokens"] },
    want: { set: 500, kept: [] },
  },
  {
    name: "the larger of two",
    in: { set: { max_tokens: "5", max_completion_tokens: "7" } },
    want: { set: 7, kept: [] },
  },
  { name: "no cap any more", in: { remove: CHAT }, want: { set: undefined, kept: [] } },
  {
    name: "a cap that is no number",
    in: { set: { max_tokens: "many" }, remove: CHAT },
    want: { set: undefined, kept: [] },
  },
  { name: "null", in: { set: { max_tokens: "null" }, paths: ["max_tokens"] }, want: { set: undefined, kept: [] } },
  {
    name: "a cap within an object",
    in: { set: { "inferenceConfig.maxTokens": "9" }, paths: CONVERSE },
    want: { set: 9, kept: [] },
  },
  {
    name: "the object that has it",
    in: { set: { inferenceConfig: '{"maxTokens": 9}' }, paths: CONVERSE },
    want: { set: 9, kept: [] },
  },
  {
    name: "an object that has none",
    in: { set: { inferenceConfig: '{"topP": 1}' }, paths: CONVERSE },
    want: { set: undefined, kept: [] },
  },
  { name: "the object away", in: { remove: ["inferenceConfig"], paths: CONVERSE }, want: { set: undefined, kept: [] } },
];
for (const { name, in: mutation, want } of cases) {
  test(`a body mutation sets ${name}`, () => {
    const { set = {}, remove = [], paths = CHAT } = mutation;
    const written = Object.entries(set).map(([path, value]) => ({ path, value }));
    assert.deepEqual(outputCapChange(prepareBodyMutation({ set: written, remove }), paths), want);
  });
}
