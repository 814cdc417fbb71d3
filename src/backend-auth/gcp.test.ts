import assert from "node:assert/strict";
import { test } from "node:test";
import type { GcpAuth } from "../config/backend-auth.ts";
import { HeaderMap } from "../wire/headers.ts";
import type { UnsignedRequest } from "./authenticator.ts";
import { signAzure } from "./azure.ts";
import { signGcp } from "./gcp.ts";

const AUTH: GcpAuth = {
  type: "GCPCredentials",
  policy: "default/gcp",
  override: undefined,
  project: "my-project",
  region: "us-central1",
  source: { from: "default" },
};

function unsigned(path: string): UnsignedRequest {
  const headers = new HeaderMap(["authorization", "Bearer callers", "x-other", "1"]);
  return { method: "POST", path, authority: "us-central1-aiplatform.googleapis.com", headers, body: new Uint8Array() };
}

const paths: { name: string; in: string; want: string }[] = [
  {
    name: "a publisher's path begins at project and location",
    in: "/publishers/google/models/gemini-2.5-pro:generateContent?alt=sse",
    want: "/v1/projects/my-project/locations/us-central1/publishers/google/models/gemini-2.5-pro:generateContent?alt=sse",
  },
  {
    name: "any other path stays",
    in: "/v1beta/models/gemini:generateContent",
    want: "/v1beta/models/gemini:generateContent",
  },
  { name: "a path that only resembles a publisher's stays", in: "/publishersx/google", want: "/publishersx/google" },
];

for (const { name, in: path, want } of paths) {
  test(name, () => {
    const request = unsigned(path);
    signGcp(request, "token", AUTH);
    assert.equal(request.path, want);
    assert.deepEqual(request.headers.flat, ["authorization", "Bearer token", "x-other", "1"]);
  });
}

test("a project that would change the path is never written", () => {
  const request = unsigned("/publishers/google/models/gemini");
  assert.throws(() => signGcp(request, "token", { ...AUTH, project: "../../other" }), /invariant/);
  assert.equal(request.path, "/publishers/google/models/gemini");
});

test("Azure takes the token as a bearer, whatever the caller sent", () => {
  const request = unsigned("/openai/deployments/gpt-4o/chat/completions");
  signAzure(request, "token");
  assert.deepEqual(request.headers.flat, ["authorization", "Bearer token", "x-other", "1"]);
});
