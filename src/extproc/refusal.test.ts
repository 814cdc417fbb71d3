import assert from "node:assert/strict";
import { test } from "node:test";
import { ERROR_CODES, type ErrorCode, GatewayError } from "../errors/gateway-error.ts";
import { immediate, lost, refusedBy } from "./refusal.ts";

test("a reply has its headers, repeated ones in one, and no length, which Envoy counts", () => {
  const headers = ["content-type", "text/plain", "content-length", "2", "vary", "a", "vary", "b"];
  assert.deepEqual(immediate(418, headers, Buffer.from("no"), "reply"), {
    phase: "immediate",
    status: 418,
    headers: { set: ["content-type", "text/plain", "vary", "a, b"] },
    body: Buffer.from("no"),
    details: "aigw_reply",
  });
});

for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
  test(`what one stream refuses as ${code} the other one understands`, () => {
    const { answer } = lost(new GatewayError(code, "secret", { expose: false }));
    assert.equal(answer.phase, "immediate");
    const details = "details" in answer ? answer.details : undefined;
    const understood = refusedBy(details ?? "");
    assert.equal(understood?.code, code);
    assert.equal(understood?.message, "the attempt could not begin");
  });
}

for (const details of ["", "via_upstream", "internal", "aigw_", "aigw_reply", "aigw_upstream_error", "aigw_toString"]) {
  test(`"${details}" is no refusal of ours`, () => assert.equal(refusedBy(details), undefined));
}

test("a request that is not known gets an error without its id", () => {
  const { answer } = lost(new GatewayError("shutting_down", "gone"));
  const { status, body } = answer as { status: number; body: Uint8Array };
  assert.equal(status, 503);
  assert.deepEqual(JSON.parse(Buffer.from(body).toString()), {
    type: "error",
    error: { type: "ServiceUnavailable", code: "503", message: "gone" },
  });
});
