import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError } from "../../errors/gateway-error.ts";
import { readEmbeddingsRequest } from "./request.ts";

const typed = { taskType: "RETRIEVAL_QUERY", title: undefined };

const inputs: readonly { name: string; in: unknown; want: unknown }[] = [
  { name: "a text", in: "a", want: [{ text: "a" }] },
  { name: "texts", in: ["a", "b"], want: [{ text: "a" }, { text: "b" }] },
  {
    name: "an object with a text",
    in: { content: "a", task_type: "RETRIEVAL_QUERY" },
    want: [{ text: "a", ...typed }],
  },
  {
    name: "objects with several texts",
    in: [{ content: ["a", "b"], task_type: "RETRIEVAL_QUERY" }],
    want: [
      { text: "a", ...typed },
      { text: "b", ...typed },
    ],
  },
];

const refused: readonly { name: string; in: object; want: string }[] = [
  { name: "no input", in: {}, want: "invalid_request" },
  { name: "input and messages", in: { input: "a", messages: [{}] }, want: "invalid_request" },
  { name: "an empty list", in: { input: [] }, want: "invalid_request" },
  { name: "a number", in: { input: 1 }, want: "invalid_request" },
  { name: "an object without content", in: { input: {} }, want: "invalid_request" },
  { name: "an object with empty content", in: { input: { content: [] } }, want: "invalid_request" },
  { name: "tokens", in: { input: [1, 2] }, want: "untranslatable" },
  { name: "lists of tokens", in: { input: [[1, 2]] }, want: "untranslatable" },
];

describe("embeddings requests", () => {
  for (const { name, in: input, want } of inputs) {
    it(`reads ${name}`, () => {
      assert.deepEqual(readEmbeddingsRequest({ model: "m", input }).texts, want);
    });
  }
  for (const { name, in: document, want } of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => readEmbeddingsRequest({ model: "m", ...document }),
        (error) => error instanceof GatewayError && error.code === want,
      );
    });
  }

  it("keeps the fields it does not know", () => {
    const { extensions, dimensions } = readEmbeddingsRequest({
      model: "m",
      input: "a",
      dimensions: 8,
      normalize: true,
    });
    assert.deepEqual({ extensions, dimensions }, { extensions: { normalize: true }, dimensions: 8 });
  });
});
