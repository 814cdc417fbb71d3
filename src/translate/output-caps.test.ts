import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EndpointName } from "../endpoints/endpoint.ts";
import { ENDPOINTS } from "../endpoints/registry.ts";
import { HeaderMap } from "../wire/headers.ts";
import { API_SCHEMAS } from "./registry.ts";

const CAP = 4321;
const MESSAGES = [{ role: "user", content: "hello" }];
/** Requests with every cap that their dialect has. */
const REQUESTS: Readonly<Partial<Record<EndpointName, { readonly body: object; readonly target?: string }>>> = {
  "chat-completions": { body: { messages: MESSAGES, max_completion_tokens: CAP, max_tokens: CAP } },
  completions: { body: { prompt: "hello", max_tokens: CAP } },
  messages: { body: { messages: MESSAGES, max_tokens: CAP } },
  responses: { body: { input: "hello", max_output_tokens: CAP } },
  "generate-content": {
    body: { contents: [{ role: "user", parts: [{ text: "hello" }] }], generationConfig: { maxOutputTokens: CAP } },
    target: "/v1beta/models/m:generateContent",
  },
};

/** Paths of all numbers that are the cap. */
function capsIn(value: unknown, path: readonly string[] = []): string[] {
  if (value === CAP) return [path.join(".")];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => capsIn(inner, [...path, name]));
}

describe("where a request says how long its answer may be", () => {
  for (const { name, endpoints, outputCaps } of API_SCHEMAS) {
    for (const [endpointName, request] of Object.entries(REQUESTS)) {
      const endpoint = ENDPOINTS.find((one) => one.name === endpointName);
      const create = endpoints[endpointName as EndpointName];
      if (endpoint?.parse === undefined || create === undefined) continue;
      const { parse } = endpoint;
      it(`is known of ${endpointName} to ${name}`, () => {
        const body = Buffer.from(JSON.stringify({ model: "m", ...request.body }));
        const parsed = parse(body, "application/json", request.target ?? "");
        const ids = { requestId: "r", newId: () => "id", now: () => 0 };
        const context = { prefix: undefined, version: undefined, modelOverride: undefined, ...ids };
        const patch = create({ ...context, requestHeaders: new HeaderMap() }).request(body, parsed);
        const sent: unknown = JSON.parse(Buffer.from(patch.body ?? body).toString());
        assert.deepEqual(capsIn(sent).sort(), [...(outputCaps[endpoint.name] ?? [])].sort());
      });
    }
    it(`is not told of endpoints that ${name} does not have, or that have no caps`, () => {
      const told = Object.keys(outputCaps).filter((endpoint) => endpoint in endpoints);
      const capped = Object.keys(endpoints).filter((endpoint) => endpoint in REQUESTS);
      assert.deepEqual(told.sort(), capped.sort());
    });
  }
});
