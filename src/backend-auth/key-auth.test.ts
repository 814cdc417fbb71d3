import assert from "node:assert/strict";
import { test } from "node:test";
import type { BackendAuth, CredentialOverride } from "../config/runtime-config.ts";
import { Secret } from "../config/secret.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { HeaderMap } from "../wire/headers.ts";
import { authenticate } from "./key-auth.ts";

const key = new Secret(" sk-configured\n");
const override: CredentialOverride = { header: "x-aigw-api-key", fallbackToConfigured: true };

const cases: { name: string; auth: BackendAuth; caller?: string[]; want: string[] }[] = [
  { name: "no policy writes nothing", auth: { type: "none" }, want: [] },
  {
    name: "an API key becomes a bearer token, trimmed",
    auth: { type: "APIKey", key, override: undefined },
    want: ["authorization", "Bearer sk-configured"],
  },
  {
    name: "an Azure key has its own header",
    auth: { type: "AzureAPIKey", key, override: undefined },
    want: ["api-key", "sk-configured"],
  },
  {
    name: "an Anthropic key has its own header",
    auth: { type: "AnthropicAPIKey", key, override: undefined },
    want: ["x-api-key", "sk-configured"],
  },
  {
    name: "a key that comes with the request takes the configured one's place",
    auth: { type: "AnthropicAPIKey", key, override },
    caller: ["x-aigw-api-key", " sk-own "],
    want: ["x-api-key", "sk-own"],
  },
  {
    name: "without a key in the request the configured one serves",
    auth: { type: "APIKey", key, override },
    want: ["authorization", "Bearer sk-configured"],
  },
  {
    name: "the caller's own Authorization may be named as the override, scheme and all",
    auth: { type: "APIKey", key: undefined, override: { header: "authorization", fallbackToConfigured: false } },
    caller: ["authorization", "Bearer sk-own"],
    want: ["authorization", "Bearer sk-own"],
  },
];

for (const { name, auth, caller, want } of cases) {
  test(name, () => {
    const upstream = new HeaderMap();
    authenticate(auth, new HeaderMap(caller ?? []), upstream);
    assert.deepEqual(upstream.flat, want);
  });
}

test("a credential that has to come with the request and does not is refused with 401", () => {
  const auth: BackendAuth = { type: "APIKey", key, override: { ...override, fallbackToConfigured: false } };
  assert.throws(
    () => authenticate(auth, new HeaderMap(), new HeaderMap()),
    new GatewayError("unauthorized", "missing upstream credential"),
  );
});

test("the header an override came in does not go on", () => {
  const upstream = new HeaderMap(["x-key", "sk-own", "x-other", "1"]);
  const auth: BackendAuth = { type: "APIKey", key, override: { header: "x-key", fallbackToConfigured: true } };
  authenticate(auth, new HeaderMap(["x-key", "sk-own"]), upstream);
  assert.deepEqual(upstream.flat, ["x-other", "1", "authorization", "Bearer sk-own"]);
});

test("a credential this build cannot inject is a typed error, not an unauthenticated call", () => {
  const error = { code: "unsupported", httpStatus: 501 };
  assert.throws(
    () => authenticate({ type: "unsupported", policyType: "AWSCredentials" }, new HeaderMap(), new HeaderMap()),
    error,
  );
});
