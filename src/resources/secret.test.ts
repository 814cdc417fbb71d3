import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFault } from "../errors/config-error.ts";
import { parseResources } from "./load.ts";

const unread = (path: string): string => {
  throw new Error(`ENOENT: ${path}`);
};

const CASES = [
  {
    name: "a Secret with a number, which is not shown",
    in: `apiVersion: v1
kind: Secret
metadata: {name: s}
stringData:
  apiKey: 12345
`,
    want: [
      "f.yaml:5:11: Secret default/s: stringData.apiKey: must be text, not the number (not shown); put it in quotes",
    ],
  },
  {
    name: "a Secret whose values cannot be had",
    in: `apiVersion: v1
kind: Secret
metadata:
  name: s
  annotations:
    substitution.aigw.run/env/a: NOT_SET
    substitution.aigw.run/file/b: /missing
data: {c: "not base64!"}
`,
    want: [
      'f.yaml:6:34: Secret default/s: metadata.annotations["substitution.aigw.run/env/a"]: the environment variable NOT_SET is not set',
      'f.yaml:7:35: Secret default/s: metadata.annotations["substitution.aigw.run/file/b"]: the file /missing cannot be read: ENOENT: /missing',
      "f.yaml:8:11: Secret default/s: data.c: is not base64; write the text itself under stringData",
    ],
  },
];

for (const { name, in: text, want } of CASES) {
  test(`what is wrong in a Secret is reported at its place: ${name}`, () => {
    const { faults } = parseResources([{ name: "f.yaml", text }], {}, unread);
    assert.deepEqual(faults.map(formatFault), want);
  });
}

test("a Secret takes text, base64, variables, environment and files", () => {
  const text = `apiVersion: v1
kind: Secret
metadata:
  name: s
  annotations:
    substitution.aigw.run/env/fromEnv: KEY
    substitution.aigw.run/file/fromFile: /run/key
type: Opaque
data:
  encoded: a2V5
  both: bm8=
stringData:
  both: "yes"
  variable: "<\${KEY}>"
`;
  const { faults, set } = parseResources([{ name: "f.yaml", text }], { KEY: "k" }, (path) => `content of ${path}`);
  assert.deepEqual(faults, []);
  assert.deepEqual(set.ofKind("Secret")[0]?.spec, {
    data: { encoded: "key", both: "yes", variable: "<k>", fromEnv: "k", fromFile: "content of /run/key" },
    faultyKeys: [],
  });
});
