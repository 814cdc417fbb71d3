import assert from "node:assert/strict";
import { test } from "node:test";
import { MESSAGES } from "../../endpoints/messages.ts";
import { HeaderMap } from "../../wire/headers.ts";
import { awsMessages } from "./messages.ts";

function send(body: string, headers: readonly string[]): string {
  const raw = Buffer.from(body);
  const parsed = MESSAGES.parse?.(raw, "application/json", "/v1/messages");
  assert.ok(parsed);
  const context = {
    prefix: undefined,
    version: "",
    modelOverride: undefined,
    requestId: "r-1",
    newId: () => "",
    now: () => 0,
  };
  const translator = awsMessages({ ...context, requestHeaders: new HeaderMap([...headers]) });
  return Buffer.from(translator.request(raw, parsed).body ?? raw).toString();
}

const cases = [
  {
    name: "every other byte stays",
    in: '{ "model" : "m", "stream":true,\n "x": 1.0 }',
    headers: [],
    want: '{ "x": 1.0,"anthropic_version":"bedrock-2023-05-31" }',
  },
  {
    name: "the version is ours, beta features are the header's",
    in: '{"anthropic_version":"v","anthropic_beta":["own"],"model":"m"}',
    headers: ["anthropic-beta", "pdfs-2024-09-25"],
    want: '{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["pdfs-2024-09-25"]}',
  },
  {
    name: "beta features of the body stay when the header names none",
    in: '{"model":"m","anthropic_beta":["own"]}',
    headers: ["anthropic-beta", "unknown"],
    want: '{"anthropic_beta":["own"],"anthropic_version":"bedrock-2023-05-31"}',
  },
];

for (const { name, in: body, headers, want } of cases) {
  test(`a message for Bedrock: ${name}`, () => assert.equal(send(body, headers), want));
}

test("an answer keeps its label unless it is AWS's stream", () => {
  const context = {
    prefix: undefined,
    version: "",
    modelOverride: undefined,
    requestId: "r-1",
    newId: () => "",
    now: () => 0,
  };
  const translator = awsMessages({ ...context, requestHeaders: new HeaderMap() });
  const label = (type: string) => translator.responseHeaders(200, new HeaderMap(["content-type", type])).headers;
  assert.deepEqual(label("application/vnd.amazon.eventstream"), [["content-type", "text/event-stream"]]);
  assert.equal(label("application/json"), undefined);
});
