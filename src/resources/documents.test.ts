import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFault } from "../errors/config-error.ts";
import { parseResources } from "./load.ts";

const unread = (path: string): string => {
  throw new Error(`ENOENT: ${path}`);
};

const CASES = [
  {
    name: "broken YAML beside other faults",
    in: `apiVersion: v1
kind: ConfigMap
metadata: {name: a
data: {}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
dta: {}
`,
    want: [
      "f.yaml:4:1: ConfigMap default/a: the YAML is broken: Flow map in block collection must be sufficiently indented and end with a }",
      'f.yaml:9:1: ConfigMap default/b: dta: is not a known field; did you mean "data"?',
    ],
  },
  {
    name: "a tab as indentation",
    in: `apiVersion: v1
kind: ConfigMap
metadata:
	name: a
`,
    want: ["f.yaml:4:1: ConfigMap: the YAML is broken: Tabs are not allowed as indentation"],
  },
  {
    name: "a field given twice",
    in: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {a: x}
data: {b: y}
bta: {}
`,
    want: [
      "f.yaml:5:1: ConfigMap default/a: this field is given twice in the same object; remove one",
      "f.yaml:6:1: ConfigMap default/a: bta: is not a known field; known are apiVersion, kind, metadata, data, binaryData, immutable, status",
    ],
  },
  {
    name: "an alias that leads nowhere",
    in: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: *nowhere
`,
    want: [
      "f.yaml:1:1: ConfigMap default/a: its YAML aliases cannot be resolved: Unresolved alias (the anchor must be set before the alias): nowhere",
    ],
  },
  {
    name: "an alias that leads into itself",
    in: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: &x
  y: *x
`,
    want: ["f.yaml:1:1: ConfigMap default/a: its YAML aliases cannot be resolved: an alias leads back into itself"],
  },
  {
    name: "a merge key that leads into itself",
    in: `apiVersion: v1
kind: ConfigMap
metadata: &m
  <<: *m
`,
    want: [
      "f.yaml:1:1: ConfigMap: its YAML aliases cannot be resolved: Excessive alias count indicates a resource exhaustion attack",
    ],
  },
  {
    name: "aliases that multiply",
    in: `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  a: &a [x, x, x, x, x, x, x, x, x]
  b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
  c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
  d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
  e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
  f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
`,
    want: [
      "f.yaml:1:1: ConfigMap default/a: its YAML aliases cannot be resolved: Excessive alias count indicates a resource exhaustion attack",
    ],
  },
  {
    name: "a variable without quotes in flow style",
    in: `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec:
  endpoints: [{ip: {address: 127.0.0.1, port: \${PORT}}}]
`,
    want: [`f.yaml:5:48: Backend default/b: between { } and [ ] a variable must stand in quotes: "\${NAME}"`],
  },
  {
    name: "faults in the items of lists",
    in: `apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: a}
    dat: {}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendList
items:
  - metadata: {name: b}
    spec: {}
`,
    want: [
      'f.yaml:7:5: ConfigMap default/a: dat: is not a known field; did you mean "data"?',
      "f.yaml:13:11: Backend default/b: spec.endpoints: is required",
    ],
  },
];

for (const { name, in: text, want } of CASES) {
  test(`what is wrong in YAML is reported at its place: ${name}`, () => {
    const { faults } = parseResources([{ name: "f.yaml", text }], { PORT: "80" }, unread);
    assert.deepEqual(faults.map(formatFault), want);
  });
}

test("empty documents and empty sources are nothing", () => {
  for (const text of ["", "---\n---\n# only a comment\n---\nnull\n", "\uFEFF"]) {
    const { faults, set } = parseResources([{ name: "f.yaml", text }], {}, unread);
    assert.deepEqual({ faults, all: set.all }, { faults: [], all: [] });
  }
});

test("objects may stand in JSON, in lists and behind aliases and merge keys", () => {
  const json = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"1"}}';
  const yaml = `apiVersion: v1
kind: List
items:
  - &b
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: b}
    data: {x: "1"}
  - <<: *b
    metadata: {name: c}
`;
  const { faults, set } = parseResources(
    [
      { name: "a.json", text: json },
      { name: "b.yaml", text: yaml },
    ],
    {},
    unread,
  );
  assert.deepEqual(faults, []);
  assert.deepEqual(
    set.ofKind("ConfigMap").map(({ metadata, spec }) => [metadata.name, spec.data?.["x"]]),
    [
      ["a", "1"],
      ["b", "1"],
      ["c", "1"],
    ],
  );
});

test("text that is nested a hundred thousand levels deep is a fault, not an end of the process", () => {
  const { faults } = parseResources([{ name: "f.yaml", text: "[".repeat(100_000) }], {}, unread);
  assert.equal(faults.length, 1);
});

test("a file larger than 4 MiB is refused before it is parsed", () => {
  const { faults } = parseResources([{ name: "f.yaml", text: "#".repeat(4 * 1024 * 1024 + 1) }], {}, unread);
  assert.deepEqual(faults.map(formatFault), ["f.yaml:1:1: YAML: is larger than 4 MiB; split it into several files"]);
});
