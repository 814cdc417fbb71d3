import assert from "node:assert/strict";
import { test } from "node:test";
import { ExchangeIds, processOf } from "./exchange-id.ts";

test("ids are different, and say which process made them", () => {
  const ids = new ExchangeIds(3, "n0nce");
  const made = [ids.next(), ids.next(), ids.next()];
  assert.deepEqual(made, ["3-n0nce-1", "3-n0nce-2", "3-n0nce-3"]);
  assert.deepEqual(made.map(processOf), [3, 3, 3]);
  assert.ok(made.every((id) => ids.isOurs(id)));
});

const FOREIGN = [
  { name: "another process", in: new ExchangeIds(1, "n0nce").next() },
  { name: "a process with more digits", in: new ExchangeIds(33, "n0nce").next() },
  { name: "the one that had its place before", in: new ExchangeIds(3, "before").next() },
  { name: "nobody", in: "" },
];

for (const { name, in: id } of FOREIGN) {
  test(`an id of ${name} is not ours`, () => assert.equal(new ExchangeIds(3, "n0nce").isOurs(id), false));
}

const PROCESSES = [
  { in: "0-a-1", want: 0 },
  { in: "12-a-b-1", want: 12 },
  { in: "", want: -1 },
  { in: "7", want: -1 },
  { in: "-1-a", want: -1 },
  { in: "x-a-1", want: Number.NaN },
];

for (const { in: id, want } of PROCESSES) {
  test(`${JSON.stringify(id)} is of process ${want}`, () => assert.equal(processOf(id), want));
}
