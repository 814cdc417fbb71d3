import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { ConfigError, formatFault } from "../errors/config-error.ts";
import { parseResources, readSources } from "./load.ts";

let folder = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "aigw-load-"));
  mkdirSync(join(folder, "sub.yaml"));
  mkdirSync(join(folder, "empty"));
  for (const name of ["b.yml", "a.yaml", "c.json", "notes.txt", ".hidden.yaml"])
    writeFileSync(join(folder, name), name);
  symlinkSync("a.yaml", join(folder, "d.yaml"));
});

after(() => rmSync(folder, { recursive: true, force: true }));

test("of a folder the YAML and JSON files right in it are read, sorted by name", () => {
  assert.deepEqual(
    readSources([folder]),
    [
      ["a.yaml", "a.yaml"],
      ["b.yml", "b.yml"],
      ["c.json", "c.json"],
      ["d.yaml", "a.yaml"],
    ].map(([name = "", text = ""]) => ({ name: join(folder, name), text })),
  );
});

test("files are read whatever their names, in the order given", () => {
  const paths = [join(folder, "notes.txt"), join(folder, "a.yaml")];
  assert.deepEqual(
    readSources(paths).map(({ text }) => text),
    ["notes.txt", "a.yaml"],
  );
});

test("every path that cannot be read is reported", () => {
  const [missing, empty] = [join(folder, "missing"), join(folder, "empty")];
  assert.throws(
    () => readSources([missing, folder, empty]),
    (error) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(error.faults.map(formatFault), [
        `${missing}:1:1: file: there is no such file or folder`,
        `${empty}:1:1: file: the folder has no .yaml, .yml, .json file`,
      ]);
      return true;
    },
  );
});

test("faults come in the order of the sources and of their text", () => {
  const bad = (name: string) => ({
    name,
    text: `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name[0]}}\nx: 1\n---\na: [\n`,
  });
  const { faults } = parseResources([bad("b.yaml"), bad("a.yaml")], {}, () => "");
  assert.deepEqual(
    faults.map(({ source }) => `${source.file}:${source.line}`),
    ["b.yaml:4", "b.yaml:7", "a.yaml:4", "a.yaml:7"],
  );
});

test("no text makes it throw, and none passes as an object without apiVersion and kind", () => {
  const word = fc.constantFrom(
    ...["apiVersion: ", "kind: ", "metadata:", "name: ", "spec:", "v1", "ConfigMap", "Secret", "\n", "\n  ", "- "],
    ...[
      "{",
      "}",
      "[",
      "]",
      ", ",
      '"',
      "'",
      `\${A}`,
      "&a ",
      "*a",
      "<<: ",
      "---",
      "? ",
      "!!binary ",
      "|",
      "\t",
      "#",
      "%",
    ],
    ...["null", "0x1F", "__proto__: ", "é"],
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), (words) => {
      const { set } = parseResources([{ name: "f", text: words.join("") }], {}, () => "");
      for (const { apiVersion, kind } of set.all) assert.ok(apiVersion !== "" && kind !== "");
    }),
    { numRuns: 300 },
  );
});
