import assert from "node:assert/strict";
import { test } from "node:test";
import { LineBytes } from "./line-bytes.ts";
import type { RequestRecord } from "./request-record.ts";
import { SharedMembers } from "./shared-members.ts";
import { testRecord } from "./test-record.ts";

const TEXT_MAX = 40;

function appended(shared: SharedMembers, record: RequestRecord): string {
  const line = new LineBytes(4096);
  shared.append(line, record);
  return Buffer.from(line.bytes.buffer, 0, line.length).toString("latin1");
}

/** What it appends that has kept nothing. */
function anew(record: RequestRecord): string {
  return appended(new SharedMembers(TEXT_MAX), record);
}

const TEXTS = [
  ...["method", "path", "endpoint", "operation", "route", "rule", "backend", "provider"],
  ...["originalModel", "requestModel", "responseModel"],
] as const;

for (const text of TEXTS) {
  test(`what is kept is not taken for a request with another ${text}`, () => {
    const shared = new SharedMembers(TEXT_MAX);
    const first = testRecord();
    const other = { ...first, [text]: 'ano"ther' };
    for (const record of [first, other, first, other]) assert.equal(appended(shared, record), anew(record));
    assert.notEqual(anew(other), anew(first));
  });
}

test("a long text is cut, kept or not", () => {
  const shared = new SharedMembers(TEXT_MAX);
  const record = testRecord({ path: "/".repeat(100) });
  assert.match(appended(shared, record), /"path":"\/{37}\.\.\."/);
  assert.equal(appended(shared, record), anew(record));
});

test("more models than are kept have members of their own", () => {
  const shared = new SharedMembers(TEXT_MAX);
  for (let n = 0; n < 2500; n++) {
    const record = testRecord({ originalModel: `m${n}` });
    assert.match(appended(shared, record), new RegExp(`"gen_ai.original.model":"m${n}"`));
  }
  assert.equal(appended(shared, testRecord()), anew(testRecord()));
});
