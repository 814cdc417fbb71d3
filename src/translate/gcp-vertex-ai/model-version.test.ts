import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { geminiModel } from "./model-version.ts";

describe("a model's name says its generation", () => {
  const cases = [
    { in: "gemini-2.5-flash", want: { flash: true, atLeast: [2, 5], below: [3, 0] } },
    { in: "gemini-2.0-flash-001", want: { flash: true, atLeast: [2, 0], below: [2, 5] } },
    { in: "gemini-1.5-pro-002", want: { flash: false, atLeast: [1, 5], below: [2, 0] } },
    { in: "gemini-3-pro-preview", want: { flash: false, atLeast: [3, 0], below: [3, 1] } },
    { in: "gemini-3.1-flash-lite-preview", want: { flash: true, atLeast: [3, 1], below: [3, 2] } },
    { in: "Gemini-2.5-Flash-preview-09-2025", want: { flash: true, atLeast: [2, 5], below: [3, 0] } },
    { in: "google/gemini-2.5-pro", want: { flash: false, atLeast: [2, 5], below: [3, 0] } },
    { in: "gemini-2.5-flash-preview-04-13", want: { flash: true, atLeast: [2, 5], below: [3, 0] } },
    { in: "gemini-live-2.5-flash", want: { flash: true, atLeast: [2, 5], below: [3, 0] } },
  ];
  for (const { in: name, want } of cases) {
    it(name, () => {
      const model = geminiModel(name);
      const [major = 0, minor = 0] = want.atLeast;
      const [overMajor = 0, overMinor = 0] = want.below;
      assert.equal(model.isFlash, want.flash);
      assert.ok(model.isAtLeast(major, minor));
      assert.ok(!model.isAtLeast(overMajor, overMinor));
    });
  }

  for (const name of ["gemini-flash-latest", "gemini-exp-1206", "my-tuned-model", "1234567890"]) {
    it(`${name} is of the newest`, () => assert.ok(geminiModel(name).isAtLeast(9, 0)));
  }
});
