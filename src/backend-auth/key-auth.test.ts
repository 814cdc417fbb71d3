import assert from "node:assert/strict";
import { test } from "node:test";
import type { CredentialOverride, KeyAuth } from "../config/backend-auth.ts";
import { Secret } from "../config/secret.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { HeaderMap } from "../wire/headers.ts";
import { KeyAuthenticator } from "./key-auth.ts";

const override: CredentialOverride = { from: "headers", header: "x-aigw-api-key", fallbackToConfigured: true };

function keyAuth(changes: Partial<KeyAuth> = {}): KeyAuth {
  return { type: "APIKey", policy: "default/p", keys: [new Secret("sk-1")], override: undefined, ...changes };
}

function signedBy(authenticator: KeyAuthenticator, headers: readonly string[] = [], apiKeyHeader?: string) {
  const request = {
    method: "POST",
    path: "/",
    authority: "a.example",
    headers: new HeaderMap(),
    body: Buffer.alloc(0),
    apiKeyHeader,
  };
  const told = authenticator.sign(request, { headers: new HeaderMap([...headers]), metadata: undefined });
  return { flat: request.headers.flat, told };
}

const CASES: { name: string; auth: KeyAuth; headers?: string[]; apiKeyHeader?: string; want: string[] }[] = [
  { name: "an API key becomes a bearer token", auth: keyAuth(), want: ["authorization", "Bearer sk-1"] },
  {
    name: "an API key goes where its vendor wants it",
    auth: keyAuth(),
    apiKeyHeader: "x-goog-api-key",
    want: ["x-goog-api-key", "sk-1"],
  },
  {
    name: "an Azure key has its own header",
    auth: keyAuth({ type: "AzureAPIKey" }),
    apiKeyHeader: "x-goog-api-key",
    want: ["api-key", "sk-1"],
  },
  {
    name: "an Anthropic key has its own header",
    auth: keyAuth({ type: "AnthropicAPIKey" }),
    want: ["x-api-key", "sk-1"],
  },
  {
    name: "a key that comes with the request takes the configured one's place",
    auth: keyAuth({ type: "AnthropicAPIKey", override }),
    headers: ["x-aigw-api-key", " sk-own "],
    want: ["x-api-key", "sk-own"],
  },
  {
    name: "without a key in the request the configured one serves",
    auth: keyAuth({ override }),
    want: ["authorization", "Bearer sk-1"],
  },
  {
    name: "the caller's own Authorization may be named as the override, scheme and all",
    auth: keyAuth({ keys: [], override: { from: "headers", header: "authorization", fallbackToConfigured: false } }),
    headers: ["authorization", "Bearer sk-own"],
    want: ["authorization", "Bearer sk-own"],
  },
];

for (const { name, auth, headers, apiKeyHeader, want } of CASES) {
  test(name, () => {
    assert.deepEqual(signedBy(new KeyAuthenticator(auth, () => 0), headers, apiKeyHeader).flat, want);
  });
}

const MISSING = new GatewayError("unauthorized", "missing upstream credential");

test("a key that has to come with the request and does not is refused with 401", () => {
  const auth = keyAuth({ override: { ...override, fallbackToConfigured: false } });
  assert.throws(() => signedBy(new KeyAuthenticator(auth, () => 0)), MISSING);
});

test("without any key the caller is told that one is missing", () => {
  assert.throws(() => signedBy(new KeyAuthenticator(keyAuth({ keys: [], override }), () => 0)), MISSING);
});

test("nobody asks what the provider thinks of a single key, or of a caller's own", () => {
  assert.equal(signedBy(new KeyAuthenticator(keyAuth(), () => 0)).told, undefined);
  const pool = keyAuth({ keys: [new Secret("a"), new Secret("b")], override });
  assert.equal(signedBy(new KeyAuthenticator(pool, () => 0), ["x-aigw-api-key", "c"]).told, undefined);
});

test("keys are used in turn, and one that is refused rests", () => {
  let now = 0;
  const keys = ["a", "b", "c"].map((key) => new Secret(key));
  const authenticator = new KeyAuthenticator(keyAuth({ keys }), () => now);
  const used = (count: number) =>
    Array.from({ length: count }, () => signedBy(authenticator).flat[1]?.replace("Bearer ", "")).join("");
  assert.equal(used(4), "abca");
  signedBy(authenticator).told?.(429, new HeaderMap());
  assert.equal(used(4), "caca");
  now += 30_000;
  assert.equal(used(3), "bca");
});
