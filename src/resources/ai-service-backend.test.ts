import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFault } from "../errors/config-error.ts";
import { parseResources } from "./load.ts";

function faultsOf(spec: object): string[] {
  const text = `apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: b}
spec: ${JSON.stringify(spec)}
`;
  return parseResources([{ name: "f.yaml", text }], {}, () => "").faults.map(formatFault);
}

const backendRef = { name: "b", kind: "Backend", group: "gateway.envoyproxy.io" };

const PLAIN = [
  "",
  "/",
  "v1",
  "/v1beta/openai/",
  "openai/v1",
  "2025-01-01-preview",
  "v1/acct-1/gw_2/openai",
  "models/m:1@x",
  "...",
];
const HOSTILE = [
  "..",
  ".",
  "../v1",
  "v1/../admin",
  "v1/./x",
  "v1/..",
  "v1//x",
  "v1?x=1",
  "v1#x",
  "v1%2f..",
  "%2e%2e",
  "v1\\..\\x",
  "v1 x",
  "v1\r\nx: y",
  "v1\0",
  "vé",
  "v1;x",
  "v".repeat(1025),
];
for (const field of ["prefix", "version"]) {
  for (const value of PLAIN) {
    test(`a ${field} may be ${JSON.stringify(value)}`, () => {
      assert.deepEqual(faultsOf({ schema: { name: "OpenAI", [field]: value }, backendRef }), []);
    });
  }
  for (const value of HOSTILE) {
    test(`a ${field} may not be ${JSON.stringify(value.slice(0, 20))}`, () => {
      const [fault = "", ...others] = faultsOf({ schema: { name: "OpenAI", [field]: value }, backendRef });
      assert.match(
        fault,
        new RegExp(
          `^f\\.yaml:4:\\d+: AIServiceBackend default/b: spec\\.schema\\.${field}: (must be a plain path|has 1025 characters)`,
        ),
      );
      assert.deepEqual(others, []);
    });
  }
}

for (const value of ["a\r\nx: y", "a\nb", "a\0", "a\x7f", "a\u010a", "✓"]) {
  test(`a header may not be set to ${JSON.stringify(value)}`, () => {
    const headerMutation = { set: [{ name: "x-a", value }] };
    const [fault = "", ...others] = faultsOf({ schema: { name: "OpenAI" }, backendRef, headerMutation });
    assert.match(fault, /spec\.headerMutation\.set\[0\]\.value: must be a header value: no line breaks/);
    assert.deepEqual(others, []);
  });
}

test("a header may be set to any text that a header can be", () => {
  const headerMutation = { set: [{ name: "x-a", value: 'a\tb; c="d" é' }] };
  assert.deepEqual(faultsOf({ schema: { name: "OpenAI" }, backendRef, headerMutation }), []);
});
