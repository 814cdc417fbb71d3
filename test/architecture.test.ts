/** Holds the layers: which folder may import which, and which folders must stay pure. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { test } from "node:test";

const SRC = join(import.meta.dirname, "..", "src");

/** Layers from left to right: a folder imports only itself and what stands to its right. */
const LAYERS: readonly (readonly string[])[] = [
  ["main.ts"],
  ["cli"],
  ["gateway", "extproc", "xds", "simulate", "admin"],
  ["exchange"],
  ["backend-auth", "caller-auth", "ratelimit", "telemetry"],
  ["translate", "mutation", "usage", "routing"],
  ["endpoints"],
  ["config"],
  ["resources"],
  ["apischema"],
  ["grpc", "gen"],
  ["wire"],
  ["errors"],
];

/** Folders of one layer that may import each other all the same, and why. */
const SIDEWAYS = new Map([
  ["translate", new Set(["usage"])], // A translator fills in token usage.
  ["backend-auth", new Set(["telemetry"])], // A credential that cannot be got is logged.
  ["caller-auth", new Set(["telemetry"])], // Keys of an issuer that cannot be had are logged.
  ["ratelimit", new Set(["telemetry"])], // A store that does not answer is logged, and limits have metrics.
]);

/** Folders without I/O, clock, environment or promises: time, ids and chance come in through a context. */
const PURE = ["translate", "endpoints", "usage", "mutation", "routing"];
const IMPURE = [
  { what: "a Node module", pattern: /from "node:(?!buffer|assert)/ },
  { what: "the clock", pattern: /\b(Date\.now|performance\.now|new Date\(\))/ },
  { what: "the environment", pattern: /\bprocess\./ },
  { what: "chance", pattern: /\b(Math\.random|randomUUID)\b/ },
  { what: "a promise", pattern: /\b(async |await |Promise\b)/ },
];
/** The one place where a pure folder loads code lazily. */
const MAY_AWAIT = new Set(["usage/load-cel.ts"]);

interface Import {
  readonly from: string;
  readonly to: string;
  /** Whether nothing of it is left when the types are stripped. */
  readonly typeOnly: boolean;
}

/** An import or re-export with what it takes, or a dynamic import. */
const IMPORT = /(?:^(?:import|export) ([^;"]*?)from|import\()\s*"(\.[^"]+)"/gm;

const files = globSync("**/*.ts", { cwd: SRC })
  .filter((file) => !file.endsWith(".test.ts"))
  .map((file) => file.split(sep).join("/"));
const imports: Import[] = files.flatMap((from) =>
  [...readFileSync(join(SRC, from), "utf8").matchAll(IMPORT)].map(([, clause = "", specifier = ""]) => ({
    from,
    to: relative(SRC, join(SRC, dirname(from), specifier))
      .split(sep)
      .join("/"),
    typeOnly: clause.startsWith("type ") || /^\{(\s*type \w+( as \w+)?\s*,?)+\s*\}$/.test(clause.trim()),
  })),
);

function folderOf(file: string): string {
  return file.split("/")[0] ?? "";
}

function layerOf(file: string): number {
  return LAYERS.findIndex((layer) => layer.includes(folderOf(file)));
}

test("every folder of src has its place in the layers", () => {
  assert.deepEqual([...new Set(files.filter((file) => layerOf(file) < 0).map(folderOf))], []);
});

test("imports go only to the right", () => {
  const wrong = imports.filter(({ from, to }) => {
    const [a, b] = [folderOf(from), folderOf(to)];
    if (a === b || SIDEWAYS.get(a)?.has(b)) return false;
    return layerOf(to) <= layerOf(from);
  });
  assert.deepEqual(
    wrong.map(({ from, to }) => `${from} → ${to}`),
    [],
  );
});

test("no cycle of imports inside a folder", () => {
  const edges = new Map<string, string[]>();
  for (const { from, to, typeOnly } of imports) if (!typeOnly) edges.set(from, [...(edges.get(from) ?? []), to]);
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (path.includes(file) || done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  assert.deepEqual(cycles, []);
});

test("the pure folders do no I/O, read no clock and return no promise", () => {
  const found = files
    .filter((file) => PURE.includes(folderOf(file)) && !MAY_AWAIT.has(file))
    .flatMap((file) => {
      const code = readFileSync(join(SRC, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
      return IMPURE.filter(({ pattern }) => pattern.test(code)).map(({ what }) => `${file}: ${what}`);
    });
  assert.deepEqual(found, []);
});

test("only translate/<schema>/ knows a schema by name", () => {
  const comparison =
    /[!=]==\s*"(OpenAI|AzureOpenAI|Anthropic|AWSBedrock|AWSAnthropic|GCPVertexAI|GCPAnthropic|Cohere)"/;
  const found = files.filter(
    (file) => !file.startsWith("translate/") && comparison.test(readFileSync(join(SRC, file), "utf8")),
  );
  assert.deepEqual(found, []);
});

/** The bundler gives `import()` of CommonJS no named exports, which Node does: it would fail only where users run it. */
test("packages that are imported when they are wanted are ES modules", () => {
  const found = files.flatMap((file) =>
    [...readFileSync(join(SRC, file), "utf8").matchAll(/\bimport\("([^.":][^":]*)"\)/g)].flatMap(([, name = ""]) => {
      const manifest = readFileSync(join(SRC, "..", "node_modules", name, "package.json"), "utf8");
      return (JSON.parse(manifest) as { type?: string }).type === "module" ? [] : [`${file}: ${name}`];
    }),
  );
  assert.deepEqual(found, []);
});

test("no file but a test is longer than 400 lines", () => {
  const long = files.filter(
    (file) => !file.startsWith("gen/") && readFileSync(join(SRC, file), "utf8").split("\n").length > 401,
  );
  assert.deepEqual(long, []);
});

test("ARCHITECTURE.md names every folder of src", () => {
  const page = readFileSync(join(SRC, "..", "ARCHITECTURE.md"), "utf8");
  const missing = [...new Set(files.map(folderOf))].filter(
    (folder) => folder !== "main.ts" && !page.includes(`${folder}/`),
  );
  assert.deepEqual(missing, []);
});
