import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { estimateInput, estimateUsage } from "./estimate.ts";

describe("the estimate of a stream that was cut off", () => {
  const cases = [
    { name: "nothing came", in: { inputTokens: 3, events: 0, eventBytes: 0 }, want: [3, 0, 3] },
    { name: "one token an event", in: { inputTokens: 100, events: 20, eventBytes: 20 * 250 }, want: [100, 20, 120] },
    { name: "large events", in: { inputTokens: 1, events: 2, eventBytes: 2 * 1200 }, want: [1, 402, 403] },
    { name: "known text", in: { inputTokens: 1, events: 9, eventBytes: 0, textBytes: 13 }, want: [1, 4, 5] },
  ];
  for (const { name, in: size, want } of cases) {
    it(`counts ${name}`, () => {
      const { inputTokens, outputTokens, totalTokens, estimated } = estimateUsage(size);
      assert.deepEqual([inputTokens, outputTokens, totalTokens], want);
      assert.equal(estimated, true);
    });
  }
});

describe("the estimate of a request", () => {
  const image = (bytes: number) => "iVBORw0KGgo+/".repeat(bytes).slice(0, bytes);
  const text = "Some words, as people write them. ";
  const cases = [
    { name: "nothing", in: "", want: 0 },
    { name: "a token for four bytes", in: "12345", want: 2 },
    { name: "long text", in: text.repeat(1000), want: text.length * 250 },
    { name: "text without spaces in another script", in: "漢".repeat(4000), want: 3000 },
    { name: "a large image as an image", in: `{"a":"data:image/png;base64,${image(400_000)}"}`, want: 1608 },
    { name: "a small image by its bytes", in: image(4000), want: 1000 },
    {
      name: "several images with text between them",
      in: JSON.stringify([image(10_000), text.repeat(100), image(1_000_000)]),
      want: Math.ceil(2 * 1600 + (text.length * 100 + 10) / 4),
    },
    { name: "letters that go on as text", in: `"${image(5000)} and so on"`, want: 1253 },
    { name: "a path with escaped slashes", in: image(8000).replaceAll("/", "\\/"), want: 1600 },
  ];
  for (const { name, in: body, want } of cases) {
    it(`counts ${name}`, () => assert.equal(estimateInput(Buffer.from(body)), want));
  }

  // The quick brown fox jumps over the lazy dog, in tokens of cl100k_base.
  const ids = [791, 4062, 14198, 39935, 35308, 927, 279, 16053, 5679];
  const many = Array.from({ length: 100 }, () => ids).flat();
  const arrays = [
    { name: "tokens", in: JSON.stringify({ model: "m", input: many }), tokens: many.length },
    { name: "tokens with spaces", in: JSON.stringify({ input: many }).replaceAll(",", ", "), tokens: many.length },
    { name: "lists of tokens", in: JSON.stringify({ prompt: Array(100).fill(ids) }), tokens: many.length },
    { name: "texts", in: JSON.stringify({ input: Array(100).fill("The quick brown fox jumps") }), tokens: 500 },
  ];
  for (const { name, in: body, tokens } of arrays) {
    it(`is less than twice too much for arrays of ${name}, and not too little`, () => {
      const estimated = estimateInput(Buffer.from(body));
      assert.ok(estimated >= tokens && estimated < 2 * tokens, `${estimated} for ${tokens}`);
    });
  }

  it("takes time in proportion to the request, whatever it holds", () => {
    const odd = Buffer.from(`${"a".repeat(1023)},`.repeat(20_000));
    const late = Buffer.concat([Buffer.alloc(20_000_000, "a"), Buffer.from(`,${"a".repeat(5000)}`)]);
    const startedMs = performance.now();
    estimateInput(odd);
    estimateInput(late);
    assert.ok(performance.now() - startedMs < 2000);
  });
});
