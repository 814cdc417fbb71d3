import assert from "node:assert/strict";
import { test } from "node:test";
import { isFieldValue, isLowerFieldName } from "./http1-fields.ts";

/** Every character that is written as one byte, and some beyond. */
const CHARACTERS = [...Array(256).keys(), 0x10a, 0x2028, 0xd800].map((code) => String.fromCharCode(code));

test("a header's value has neither control characters but tabs, nor what latin1 does not have", () => {
  const wrong = CHARACTERS.filter((character) => !isFieldValue(`a${character}`));
  assert.deepEqual(
    wrong,
    CHARACTERS.filter((character) => /[^\t\x20-\x7e\x80-\xff]/.test(character)),
  );
  assert.equal(isFieldValue(""), true);
});

test("a header's name in lower case has the characters of a token and no capitals", () => {
  const right = CHARACTERS.filter((character) => isLowerFieldName(`a${character}`));
  assert.deepEqual(
    right,
    CHARACTERS.filter((character) => /^[!#$%&'*+\-.^_`|~0-9a-z]$/.test(character)),
  );
  assert.equal(isLowerFieldName(""), false);
});
