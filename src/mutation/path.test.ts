import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePath } from "./path.ts";

const key = (text: string) => ({ key: text, index: undefined });

const cases = [
  { in: "model", want: [key("model")] },
  { in: "a.b.c", want: [key("a"), key("b"), key("c")] },
  { in: "a.0.-1", want: [key("a"), { key: "0", index: 0 }, { key: "-1", index: -1 }] },
  { in: String.raw`a\.b.c\\d`, want: [key("a.b"), key("c\\d")] },
  { in: "a.:12", want: [key("a"), key("12")] },
  { in: ":1", want: [key("1")] },
  { in: String.raw`\:1.a:b`, want: [key(":1"), key("a:b")] },
  { in: "a.-2", want: [key("a"), key("-2")] },
  { in: "a.10000", want: [key("a"), key("10000")] },
  { in: "a\\", want: [key("a\\")] },
  { in: "a..b", want: [key("a"), key(""), key("b")] },
];
for (const { in: path, want } of cases) {
  test(`parses the path ${JSON.stringify(path)}`, () => assert.deepEqual(parsePath(path), want));
}
