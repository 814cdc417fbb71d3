import assert from "node:assert/strict";
import { test } from "node:test";
import { quantityBytes } from "./quantity.ts";

const CASES = [
  { in: "50Mi", want: 52_428_800 },
  { in: 1024, want: 1024 },
  { in: "1024", want: 1024 },
  { in: "1.5Ki", want: 1536 },
  { in: "2G", want: 2_000_000_000 },
  { in: "0.0001k", want: 1 },
  { in: "lots", want: undefined },
  { in: "-1", want: undefined },
  { in: "1mi", want: undefined },
];

for (const { in: quantity, want } of CASES) {
  test(`the quantity ${quantity} is ${want} bytes`, () => assert.equal(quantityBytes(quantity), want));
}
