import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HeaderMap } from "../wire/headers.ts";
import { redactBody, redactHeaders } from "./redact.ts";

const CANARY = "canary-7f3a9";

for (const name of [
  "authorization",
  "proxy-authorization",
  "x-api-key",
  "api-key",
  "x-goog-api-key",
  "cookie",
  "set-cookie",
  "x-aigw-anything",
  "x-amz-security-token",
  "x-aws-access-key-id",
  "x-aws-secret-access-key",
  "x-aws-session-token",
  "x-tenant-credential-of-my-own",
]) {
  test(`the value of ${name} is never shown`, () => {
    const shown = redactHeaders(new HeaderMap([name, `Bearer ${CANARY}`, "content-type", "application/json"]));
    assert.equal(shown, `${name}: [REDACTED]; content-type: application/json`);
  });
}

test("headers that are known to be harmless are shown", () => {
  const headers = new HeaderMap(["content-length", "12", "x-ratelimit-remaining-tokens", "99", "X-Request-Id", "r-1"]);
  assert.equal(redactHeaders(headers), "content-length: 12; x-ratelimit-remaining-tokens: 99; x-request-id: r-1");
});

const BODIES = [
  {
    name: "a request",
    in: `{"model":"gpt-5","messages":[{"role":"user","content":"${CANARY}"}],"stream":true,"max_tokens":5,"stop":null}`,
    want: "{model: string(5), messages: [{role: string(4), content: string(12)}], stream: boolean, max_tokens: number, stop: null}",
  },
  { name: "a name that is content", in: `{"${CANARY} is my name":1}`, want: "{name(23): number}" },
  {
    name: "a long array",
    in: `[${Array(20).fill("7").join()}]`,
    want: `[${Array(8).fill("number").join(", ")}, 12 more]`,
  },
  { name: "a bare text", in: `"${CANARY}"`, want: "string(12)" },
];

for (const { name, in: body, want } of BODIES) {
  test(`a body is shown by its shape: ${name}`, () => {
    assert.equal(redactBody(Buffer.from(body)), `${body.length} bytes: ${want}`);
  });
}

for (const { name, in: body } of [
  { name: "an event stream", in: `data: {"delta":"${CANARY}"}\n\n` },
  { name: "cut JSON", in: `{"content":"${CANARY}` },
  { name: "nothing", in: "" },
]) {
  test(`a body that is not JSON is shown by its length: ${name}`, () => {
    assert.equal(redactBody(Buffer.from(body)), `${body.length} bytes`);
  });
}

test("a deep body is described down to a limit", () => {
  const shape = redactBody(Buffer.from(`${"[".repeat(5000)}${"]".repeat(5000)}`));
  assert.equal(shape, `10000 bytes: ${"[".repeat(12)}...${"]".repeat(12)}`);
});

test("no text of a body is in its description", () => {
  const texts = fc.jsonValue().filter((value) => typeof value === "object");
  fc.assert(
    fc.property(texts, (value) => {
      const shape = redactBody(Buffer.from(JSON.stringify({ value, secret: [CANARY, { [`${CANARY} `]: CANARY }] })));
      assert.equal(shape.includes(CANARY), false);
      assert.ok(shape.length < 1000);
    }),
  );
});
