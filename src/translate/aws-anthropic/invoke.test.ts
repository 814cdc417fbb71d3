import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderMap } from "../../wire/headers.ts";
import { invokeBetas, invokePath } from "./invoke.ts";

const betas = [
  { name: "no header is no list", in: [], want: undefined },
  {
    name: "known names keep their order, each once",
    in: ["search-results-2025-06-09, pdfs-2024-09-25,search-results-2025-06-09"],
    want: ["search-results-2025-06-09", "pdfs-2024-09-25"],
  },
  {
    name: "every header counts",
    in: ["pdfs-2024-09-25", "context-1m-2025-08-07"],
    want: ["pdfs-2024-09-25", "context-1m-2025-08-07"],
  },
  { name: "unknown names are left out", in: ["claude-code-20250219,effort-2025-11-24"], want: undefined },
  {
    name: "a name that Bedrock spells otherwise is changed, also beside its twin",
    in: ["advanced-tool-use-2025-11-20,tool-search-tool-2025-10-19"],
    want: ["tool-search-tool-2025-10-19"],
  },
] as const;

for (const { name, in: values, want } of betas) {
  test(`beta features: ${name}`, () => {
    const headers = new HeaderMap(values.flatMap((value) => ["anthropic-beta", value]));
    assert.deepEqual(invokeBetas(headers), want);
  });
}

test("the path names the model as one segment", () => {
  assert.equal(invokePath("us.anthropic.claude-v1:0", false), "/model/us.anthropic.claude-v1:0/invoke");
  assert.equal(
    invokePath("arn:aws:bedrock:us-east-1:1:p/x", true),
    "/model/arn:aws:bedrock:us-east-1:1:p%2Fx/invoke-with-response-stream",
  );
});
