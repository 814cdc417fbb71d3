/**
 * Replays the fixtures of testdata/translate, found by their names:
 *
 *     <endpoint>/requests/<case>.{json,form}            a caller's body
 *     <endpoint>/requests/<case>.context.json           optional: prefix, version, modelOverride, target
 *     <endpoint>/requests/<case>.<schema>.json          what the backend gets, body null = as it came; or the refusal
 *     <endpoint>/responses/<schema>/<case>.in.<ext>     a provider's answer, wire-exact; sse, bin = a stream
 *     <endpoint>/responses/<schema>/<case>.context.json optional: status, headers, the caller's request, target
 *     <endpoint>/responses/<schema>/<case>.out.<ext>    what the caller gets
 *     <endpoint>/responses/<schema>/<case>.facts.json   what was read, and edits to status and headers
 *
 * UPDATE_GOLDEN=1 writes the last two anew; read the difference before committing it. A pair that lacks one of its cases fails.
 */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, it } from "node:test";
import type { SchemaName } from "../config/runtime-config.ts";
import type { Endpoint, EndpointName, ParsedRequest } from "../endpoints/endpoint.ts";
import { ENDPOINTS } from "../endpoints/registry.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { HeaderMap } from "../wire/headers.ts";
import type { ApiSchema } from "./api-schema.ts";
import { API_SCHEMAS } from "./registry.ts";
import type { ResponsePatch, Translator, TranslatorContext } from "./translator.ts";

const ROOT = join(import.meta.dirname, "../../testdata/translate");
const isUpdate = process.env["UPDATE_GOLDEN"] === "1";

/** What each pair of endpoint and schema has fixtures for; beside these it may have any others. */
const CASES: readonly string[] = [
  ...["basic", "text", "system", "tools", "tool-results", "images", "structured-output", "thinking", "caching", "full"],
  ...["unary", "unary-cut", "error", "stream", "stream-tools", "stream-thinking", "stream-error", "stream-cut"],
];

/** What comes wrong, or is not known yet, in conversations: refused with a clear error, or put up with. */
const ODD_CASES: readonly string[] = [
  ...["bad-part", "bad-role", "bad-data-url", "bad-tool-arguments", "bad-schema", "bad-parameter"],
  ...["unary-no-usage", "stream-no-usage", "stream-bad-event", "stream-unknown-event", "stream-bad-crc"],
];

const CONVERSATIONS: readonly EndpointName[] = ["chat-completions", "messages", "responses", "generate-content"];

const ASKED_TO_SPEAK = ["system", "tools", "tool-results", "images", "structured-output", "thinking", "caching"];
const STREAMS = ["stream", "stream-tools", "stream-thinking", "stream-error", "stream-cut"];

interface Exemption {
  readonly endpoints: readonly EndpointName[];
  /** Undefined = every schema. */
  readonly schemas?: readonly SchemaName[];
  readonly cases: readonly string[];
  readonly why: string;
}

/** Cases that there cannot be. */
const EXEMPTIONS: readonly Exemption[] = [
  {
    endpoints: ["images-generations", "images-edits", "audio-speech", "audio-transcriptions", "audio-translations"],
    cases: [...ASKED_TO_SPEAK, "text", "stream-tools", "stream-thinking"],
    why: "takes one prompt, and answers with a picture, sound or what was said",
  },
  {
    endpoints: ["completions"],
    cases: [...ASKED_TO_SPEAK, "text", "stream-tools", "stream-thinking"],
    why: "takes a text to go on with, and nothing else",
  },
  { endpoints: ["embeddings"], cases: ASKED_TO_SPEAK, why: "a text is embedded, nobody is asked to say something" },
  { endpoints: ["rerank"], cases: [...ASKED_TO_SPEAK, "text"], why: "documents are ranked by one query" },
  {
    endpoints: ["tokenize"],
    cases: ["structured-output"],
    why: "the request has no field for it: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#tokenizer-api",
  },
  {
    endpoints: ["embeddings", "rerank", "tokenize", "count-tokens", "responses-input-tokens", "audio-translations"],
    cases: STREAMS,
    why: "is never answered with a stream",
  },
  { endpoints: ["audio-speech"], cases: ["unary", "unary-cut"], why: "a whole answer is sound, which nobody reads" },
  {
    endpoints: ["chat-completions", "messages", "generate-content"],
    schemas: ["AzureOpenAI"],
    cases: ["stream-thinking"],
    why: "OpenAI's models keep their thoughts to themselves: https://learn.microsoft.com/en-us/azure/ai-foundry/openai/how-to/reasoning",
  },
  {
    endpoints: CONVERSATIONS,
    schemas: ["OpenAI", "AzureOpenAI", "Anthropic", "GCPAnthropic", "GCPVertexAI"],
    cases: ["stream-bad-crc"],
    why: "only AWS's streams have checksums",
  },
];

function casesOf(endpoint: EndpointName): readonly string[] {
  return CONVERSATIONS.includes(endpoint) ? [...CASES, ...ODD_CASES] : CASES;
}

function exemptCases(schema: SchemaName, endpoint: EndpointName): ReadonlySet<string> {
  const exemptions = EXEMPTIONS.filter(
    (exemption) => exemption.endpoints.includes(endpoint) && (exemption.schemas ?? [schema]).includes(schema),
  );
  return new Set(exemptions.flatMap(({ cases }) => cases));
}

/** The name of a fixture without its endings. */
function caseOf(path: string): string {
  return basename(path).split(".", 1)[0] ?? "";
}

interface Context {
  readonly prefix?: string;
  readonly version?: string;
  readonly modelOverride?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly request?: object;
  readonly target?: string;
}

function readContext(path: string): Context {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Context) : {};
}

/** Compares with a golden file, or writes it. */
function matchGolden(path: string, got: Uint8Array | string): void {
  if (isUpdate) writeFileSync(path, got);
  assert.equal(Buffer.from(got).toString(), readFileSync(path, "utf8"));
}

function print(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function parse(endpoint: Endpoint, body: Uint8Array, { target }: Context): ParsedRequest {
  const [path = ""] = endpoint.paths;
  assert.ok(endpoint.parse);
  return endpoint.parse(body, contentTypeOf(body), target ?? path.replace("{model}", "some-model"));
}

/** A form's boundary is its first line. */
function contentTypeOf(body: Uint8Array): string {
  const boundary = /^--([^\r]+)\r/.exec(Buffer.from(body).toString("latin1"))?.[1];
  return boundary === undefined ? "application/json" : `multipart/form-data; boundary=${boundary}`;
}

function createTranslator(schema: ApiSchema, endpoint: Endpoint, context: Context): Translator {
  const create = schema.endpoints[endpoint.name];
  assert.ok(create, `${schema.name} does not support ${endpoint.name}`);
  const full: TranslatorContext = {
    prefix: context.prefix,
    version: context.version,
    modelOverride: context.modelOverride,
    requestHeaders: new HeaderMap(),
    requestId: "r-1",
    newId: () => "id-1",
    now: () => 1_760_000_000,
  };
  return create(full);
}

/** Ways to cut a stream; the answer must not depend on them. */
const CUTS: Readonly<Record<string, (stream: Buffer, isBinary: boolean) => Buffer[]>> = {
  whole: (stream) => [stream],
  "per event": (stream, isBinary) => (isBinary ? frames(stream) : events(stream)),
  "byte by byte": (stream) => Array.from(stream, (byte) => Buffer.of(byte)),
};

function events(stream: Buffer): Buffer[] {
  const pieces = stream.toString("latin1").split(/(?<=\r\n\r\n|\n\n|\r\r)/);
  return pieces.map((piece) => Buffer.from(piece, "latin1"));
}

/** Each begins with its length: https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html */
function frames(stream: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let start = 0; start < stream.length; ) {
    const length = start + 4 <= stream.length ? stream.readUInt32BE(start) : 0;
    const end = length === 0 ? stream.length : Math.min(start + length, stream.length);
    pieces.push(stream.subarray(start, end));
    start = end;
  }
  return pieces;
}

const NOTHING = Buffer.alloc(0);

interface Replayed {
  /** Undefined when the translator threw. */
  readonly out: Buffer | undefined;
  readonly facts: object;
}

/** Runs an answer through a translator; an error of the gateway's is a result like any other. */
function replay(translator: Translator, run: () => { out: Buffer; patch: ResponsePatch }): Replayed {
  let out: Buffer | undefined;
  let patch: ResponsePatch = {};
  let thrown: string | undefined;
  try {
    ({ out, patch } = run());
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    thrown = `${error.code}: ${error.message}`;
  }
  const { status, headers } = patch;
  return { out, facts: { ...translator.facts, status, headers, thrown } };
}

function headersOf({ headers }: Context): HeaderMap {
  return new HeaderMap(Object.entries(headers ?? { "content-type": "application/json" }).flat());
}

/** What came before an error is the caller's too. */
function replayStream(translator: Translator, chunks: readonly Buffer[], context: Context): Replayed {
  const pieces: Uint8Array[] = [];
  const { facts } = replay(translator, () => {
    translator.responseHeaders(200, headersOf(context));
    for (const chunk of chunks) pieces.push(translator.streamChunk(chunk));
    pieces.push(translator.streamEnd());
    return { out: NOTHING, patch: {} };
  });
  return { out: Buffer.concat(pieces), facts };
}

function replayWhole(translator: Translator, body: Buffer, context: Context): Replayed {
  const status = context.status ?? 200;
  const headers = headersOf(context);
  return replay(translator, () => {
    if (status < 300) translator.responseHeaders(status, headers);
    const patch = status < 300 ? translator.responseBody(body) : translator.responseError(status, headers, body);
    return { out: Buffer.from(patch.body ?? body), patch };
  });
}

function testRequest(schema: ApiSchema, endpoint: Endpoint, path: string): void {
  const stem = path.replace(/\.\w+$/, "");
  it(`request ${basename(stem)}`, () => {
    const raw = readFileSync(path);
    const context = readContext(`${stem}.context.json`);
    const written = writeRequest(createTranslator(schema, endpoint, context), raw, parse(endpoint, raw, context));
    matchGolden(`${stem}.${schema.name}.json`, print(written));
  });
}

/** What the backend gets, or why it gets nothing. */
function writeRequest(translator: Translator, raw: Buffer, parsed: ParsedRequest): object {
  try {
    const { path, headers, body } = translator.request(raw, parsed);
    const losses = translator.losses.length === 0 ? undefined : translator.losses;
    return { path, headers, body: body === undefined ? null : Buffer.from(body).toString(), losses };
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    return { thrown: `${error.code}: ${error.message}` };
  }
}

/** A request as the endpoint takes it. */
function askFor(endpoint: Endpoint, fields: object): Buffer {
  const form = join(ROOT, endpoint.name, "requests/basic.form");
  return existsSync(form) ? readFileSync(form) : Buffer.from(JSON.stringify(fields));
}

function testResponse(schema: ApiSchema, endpoint: Endpoint, path: string): void {
  const [, stem = "", extension = ""] = /^(.*)\.in\.(\w+)$/.exec(path) ?? [];
  const isStream = extension === "sse" || extension === "bin";
  const context = readContext(`${stem}.context.json`);
  const request = askFor(endpoint, { model: "some-model", stream: isStream, messages: [], ...context.request });

  function begin(): Translator {
    const translator = createTranslator(schema, endpoint, context);
    translator.request(request, parse(endpoint, request, context));
    return translator;
  }

  function check(replayed: Replayed): void {
    if (replayed.out !== undefined) matchGolden(`${stem}.out.${isStream ? "sse" : "json"}`, replayed.out);
    matchGolden(`${stem}.facts.json`, print(replayed.facts));
  }

  const input = readFileSync(path);
  for (const [cut, split] of Object.entries(isStream ? CUTS : {})) {
    it(`stream ${basename(stem)}, ${cut}`, () =>
      check(replayStream(begin(), split(input, extension === "bin"), context)));
  }
  if (!isStream) it(`answer ${basename(stem)}`, () => check(replayWhole(begin(), input, context)));
}

for (const schema of API_SCHEMAS) {
  for (const endpoint of ENDPOINTS.filter(({ name }) => schema.endpoints[name] !== undefined)) {
    describe(`${endpoint.name} on ${schema.name}`, () => {
      const folder = join(ROOT, endpoint.name);
      const requests = globSync(join(folder, "requests/*.{json,form}")).filter((path) =>
        /^[^.]+\.\w+$/.test(basename(path)),
      );
      const responses = globSync(join(folder, `responses/${schema.name}/*.in.*`));

      it("has every case", () => {
        const cases = new Set([...requests.map(caseOf), ...responses.map(caseOf)]);
        const exempt = exemptCases(schema.name, endpoint.name);
        assert.deepEqual(
          casesOf(endpoint.name).filter((name) => !cases.has(name) && !exempt.has(name)),
          [],
          "without a fixture",
        );
        assert.deepEqual(
          [...exempt].filter((name) => cases.has(name)),
          [],
          "said to be impossible",
        );
      });
      for (const path of requests.sort()) testRequest(schema, endpoint, path);
      for (const path of responses.sort()) testResponse(schema, endpoint, path);
    });
  }
}
