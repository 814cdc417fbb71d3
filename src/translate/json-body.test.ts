import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../errors/gateway-error.ts";
import { jsonRequest, parseDocument, parseJson, parseRecord } from "./json-body.ts";

const BODIES = [
  { name: "an object", in: '{"a":"é"}', json: { a: "é" }, record: { a: "é" } },
  { name: "an array", in: "[1]", json: [1], record: undefined },
  { name: "null", in: "null", json: null, record: undefined },
  { name: "an object that is cut off", in: '{"a":', json: undefined, record: undefined },
  { name: "nothing", in: "", json: undefined, record: undefined },
];
for (const { name, in: text, json, record } of BODIES) {
  test(`bytes are read as JSON where they are: ${name}`, () => {
    // A part of larger memory, as bodies are.
    const bytes = new Uint8Array(Buffer.from(`{${text}}`)).subarray(1, -1);
    assert.deepEqual(parseJson(bytes), json);
    assert.deepEqual(parseRecord(bytes), record);
  });
}

test("a request that is no JSON is the caller's fault, and its cause is kept for the log", () => {
  assert.throws(
    () => parseDocument(Buffer.from('{"messages": [}')),
    (error) => error instanceof GatewayError && error.code === "invalid_request" && error.cause instanceof SyntaxError,
  );
});

test("a backend's own headers come after those of its body", () => {
  const { path, headers, body } = jsonRequest({ path: "/p", body: { a: 1 }, headers: [["x-a", "b"]] });
  assert.deepEqual([path, String(body)], ["/p", '{"a":1}']);
  assert.deepEqual(headers, [
    ["content-type", "application/json"],
    ["x-a", "b"],
  ]);
});
