/** Callers name models, and names get into paths: whatever the name, the path is that of the operation, or there is none. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { Endpoint, EndpointName } from "../endpoints/endpoint.ts";
import { ENDPOINTS } from "../endpoints/registry.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { HeaderMap } from "../wire/headers.ts";
import { API_SCHEMAS } from "./registry.ts";
import type { TranslatorFactory } from "./translator.ts";

const PLAIN = "plain-model";

const NAMES = [
  "../..",
  "..",
  "..\\..",
  "a/../../b",
  "/etc",
  "//evil.test/x",
  "@evil.test",
  "http://evil.test/",
  "a%2fb",
  "%2e%2e",
  "%2e%2e%2f",
  "%252e%252e/",
  "a#b",
  "a?x=1",
  "a;b",
  "a\\b",
  "a b",
  "ü/模型",
  "\u202e",
  "a\ud800",
  "a\r\nx-injected: 1",
  "a\0",
  "a\x7f",
  "a".repeat(10_000),
  "anthropic.../..",
  "us.anthropic.claude/../../x",
];

/** What a caller's model may become: one segment, of characters that end nothing. */
const SEGMENT = /^[A-Za-z0-9\-._~!*'()%:@]+$/;

function pathOf(
  endpoint: Endpoint,
  create: TranslatorFactory,
  names: { model: string; modelOverride?: string },
): string {
  const body = bodyOf(endpoint);
  const boundary = /^--([^\r]+)\r/.exec(body.toString("latin1"))?.[1];
  const contentType = boundary === undefined ? "application/json" : `multipart/form-data; boundary=${boundary}`;
  const target = (endpoint.paths[0] ?? "").replace("{model}", PLAIN);
  assert.ok(endpoint.parse);
  const parsed = { ...endpoint.parse(body, contentType, target), model: names.model };
  const translator = create({
    prefix: undefined,
    version: undefined,
    modelOverride: names.modelOverride,
    requestHeaders: new HeaderMap(),
    requestId: "r-1",
    newId: () => "id",
    now: () => 0,
  });
  return translator.request(body, parsed).path;
}

/** Fixtures that every schema understands, where that is not the basic one. */
const FIXTURES: Partial<Record<EndpointName, string>> = {
  "audio-transcriptions": "basic.form",
  "audio-translations": "basic.form",
  embeddings: "text.json",
  responses: "text.json",
};

function bodyOf({ name }: Endpoint): Buffer {
  const folder = new URL(`../../testdata/translate/${name}/requests/`, import.meta.url);
  return readFileSync(new URL(FIXTURES[name] ?? "basic.json", folder));
}

/** The path, or the refusal's code. */
function outcomeOf(...args: Parameters<typeof pathOf>): string {
  try {
    return pathOf(...args);
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    assert.equal(error.httpStatus, 400);
    return error.code;
  }
}

describe("a model's name in a path", () => {
  for (const schema of API_SCHEMAS) {
    for (const endpoint of ENDPOINTS) {
      const create = schema.endpoints[endpoint.name];
      if (create === undefined) continue;
      it(`is one segment or refused: ${endpoint.name} to ${schema.name}`, () => {
        const [before = "", after] = pathOf(endpoint, create, { model: PLAIN }).split(PLAIN);
        for (const name of NAMES) {
          for (const names of [{ model: name }, { model: PLAIN, modelOverride: name }]) {
            const path = outcomeOf(endpoint, create, names);
            const isWhole = path === before && after === undefined;
            const middle = path.slice(before.length, path.length - (after ?? "").length);
            const isSegment = path.startsWith(before) && path.endsWith(after ?? "") && SEGMENT.test(middle);
            assert.ok(path === "invalid_request" || isWhole || isSegment, `${JSON.stringify(name)}: ${path}`);
          }
        }
      });
    }
  }
});
