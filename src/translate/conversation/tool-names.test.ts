import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, AnswerEvent } from "./answer.ts";
import { conversation, type FunctionTool } from "./conversation.ts";
import { fitToolNames, restoreAnswer, restoreEvent } from "./tool-names.ts";

const SHORT = /^[a-zA-Z0-9_-]{1,64}$/;
const LONG = `mcp__${"x".repeat(70)}__search`;

function tool(name: string): FunctionTool {
  return { type: "function", name, description: undefined, parameters: undefined, strict: undefined };
}

test("names that fit stay, and so does the conversation", () => {
  const given = conversation({ tools: [tool("a"), { ...tool("b"), name: "b-1_c" }] });
  const fitted = fitToolNames(given, SHORT);
  assert.equal(fitted.conversation, given);
  assert.equal(fitted.callerNames.size, 0);
  const anything = conversation({ tools: [tool(LONG)] });
  assert.equal(fitToolNames(anything, undefined).conversation, anything);
});

const names = [
  { name: LONG, want: /^mcp__x{50}_[0-9a-f]{8}$/ },
  { name: "files.read: all", want: /^files_read__all_[0-9a-f]{8}$/ },
  { name: "3d-print!", want: /^_3d-print__[0-9a-f]{8}$/ },
  { name: "počasí", want: /^po_as__[0-9a-f]{8}$/ },
];

for (const { name, want } of names) {
  test(`the name ${name.slice(0, 20)} is changed wherever it stands, and back in the answer`, () => {
    const call = { type: "tool-call", id: "c", name, arguments: "{}" } as const;
    const given = conversation({
      tools: [tool(name), tool("other")],
      toolChoice: { type: "tool", name },
      turns: [
        { role: "user", parts: [{ type: "text", text: name }] },
        { role: "assistant", parts: [{ type: "text", text: name }, call] },
      ],
    });
    const { conversation: told, callerNames } = fitToolNames(given, SHORT);
    const [[fitted = ""] = []] = callerNames;
    assert.match(fitted, want);
    assert.match(fitted, SHORT);
    assert.deepEqual(told, {
      ...given,
      tools: [tool(fitted), tool("other")],
      toolChoice: { type: "tool", name: fitted },
      turns: [
        given.turns[0],
        {
          role: "assistant",
          parts: [
            { type: "text", text: name },
            { ...call, name: fitted },
          ],
        },
      ],
    });
    assert.deepEqual(fitToolNames(given, SHORT).callerNames, callerNames, "the same each time");

    const part: AnswerEvent = { type: "part", choice: 0, part: 0, begin: { type: "tool-call", id: "c", name: fitted } };
    assert.deepEqual(restoreEvent(part, callerNames), { ...part, begin: { type: "tool-call", id: "c", name } });
    const choice = {
      parts: [
        { ...call, name: fitted },
        { ...call, name: "other" },
      ],
      stopReason: "tool-calls",
    };
    const answer = { choices: [choice] } as unknown as Answer;
    const [restored] = restoreAnswer(answer, callerNames).choices;
    assert.deepEqual(restored?.parts, [call, { ...call, name: "other" }]);
  });
}

test("two long names that begin alike stay two", () => {
  const { callerNames } = fitToolNames(conversation({ tools: [tool(`${LONG}1`), tool(`${LONG}2`)] }), SHORT);
  assert.deepEqual([...callerNames.values()], [`${LONG}1`, `${LONG}2`]);
});
