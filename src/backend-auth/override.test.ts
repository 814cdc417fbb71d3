import assert from "node:assert/strict";
import { test } from "node:test";
import type { BackendAuth, CredentialOverride } from "../config/backend-auth.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { HeaderMap } from "../wire/headers.ts";
import type { CallerCredentials } from "./authenticator.ts";
import { overrideHeaders, ownAws, ownText } from "./override.ts";

const HEADER: CredentialOverride = { from: "headers", header: "x-token", fallbackToConfigured: true };
const METADATA: CredentialOverride = { from: "metadata", namespace: "ns", key: "k", fallbackToConfigured: true };
const PREFIX: CredentialOverride = { from: "headers", header: "x-aws-", fallbackToConfigured: true };

function caller(headers: readonly string[], value?: unknown): CallerCredentials {
  const at = (namespace: string, key: string) => (namespace === "ns" && key === "k" ? value : undefined);
  return { headers: new HeaderMap([...headers]), metadata: { at } };
}

const TEXTS = [
  { name: "a header", in: HEADER, caller: caller(["x-token", "t"]), want: "t" },
  { name: "a header with space around", in: HEADER, caller: caller(["x-token", " \tt "]), want: "t" },
  { name: "an empty header", in: HEADER, caller: caller(["x-token", " "]), want: undefined },
  { name: "a header with a scheme", in: HEADER, caller: caller(["x-token", "bearer  t"]), want: "t" },
  { name: "no header", in: HEADER, caller: caller([]), want: undefined },
  { name: "metadata", in: METADATA, caller: caller([], "t"), want: "t" },
  { name: "metadata that is no text", in: METADATA, caller: caller([], { t: 1 }), want: undefined },
  { name: "no metadata", in: METADATA, caller: caller(["k", "t"]), want: undefined },
  {
    name: "a host without metadata",
    in: METADATA,
    caller: { headers: new HeaderMap(), metadata: undefined },
    want: undefined,
  },
];
for (const { name, in: override, caller: from, want } of TEXTS) {
  test(`a caller's own token: ${name}`, () => {
    const own = ownText(override);
    assert.equal(own.read(from), want);
    assert.equal(own.isExpected(from), want !== undefined);
  });
  test(`a caller's own token, without a fallback: ${name}`, () => {
    const own = ownText({ ...override, fallbackToConfigured: false });
    assert.equal(own.isExpected(from), true);
    const read = () => own.read(from);
    const told = () => assert.throws(read, new GatewayError("unauthorized", "missing upstream credential"));
    (want === undefined ? told : read)();
  });
}

test("without an override nothing of the caller's is looked at", () => {
  const own = ownText(undefined);
  assert.equal(own.read(caller(["x-token", "t"])), undefined);
  assert.equal(own.isExpected(caller(["x-token", "t"])), false);
});

for (const value of ["a\r\nx-evil: 1", "a\u0000b", "Ā"]) {
  test(`a value that no header can have is refused: ${JSON.stringify(value)}`, () => {
    const own = ownText(METADATA);
    assert.equal(own.isExpected(caller([], value)), true);
    assert.throws(() => own.read(caller([], value)), {
      code: "unauthorized",
      message: "malformed upstream credential",
    });
  });
}

const PAIR = ["x-aws-access-key-id", " AKID ", "x-aws-secret-access-key", "secret"];
const AWS = [
  { name: "a pair", override: PREFIX, in: caller(PAIR), want: ["AKID", "secret", undefined] },
  {
    name: "a triple",
    override: PREFIX,
    in: caller([...PAIR, "x-aws-session-token", "session"]),
    want: ["AKID", "secret", "session"],
  },
  {
    name: "a struct of metadata",
    override: METADATA,
    in: caller([], { accessKeyId: "AKID", secretAccessKey: "secret", sessionToken: "session" }),
    want: ["AKID", "secret", "session"],
  },
];
for (const { name, override, in: from, want } of AWS) {
  test(`a caller's own AWS credentials: ${name}`, () => {
    const own = ownAws(override);
    const read = own.read(from);
    assert.deepEqual([read?.accessKeyId, read?.secretAccessKey.reveal(), read?.sessionToken?.reveal()], want);
    assert.equal(own.isExpected(from), true);
  });
}

const PARTS = [
  { name: "no secret", override: PREFIX, in: caller(PAIR.slice(0, 2)) },
  { name: "no id", override: PREFIX, in: caller(PAIR.slice(2)) },
  { name: "a session alone", override: PREFIX, in: caller(["x-aws-session-token", "s"]) },
  { name: "a struct without a secret", override: METADATA, in: caller([], { accessKeyId: "AKID" }) },
];
for (const { name, override, in: from } of PARTS) {
  test(`a part of AWS credentials is an error, not a reason for the configured ones: ${name}`, () => {
    const own = ownAws(override);
    assert.equal(own.isExpected(from), true);
    assert.throws(() => own.read(from), { code: "credentials_unavailable", httpStatus: 500 });
  });
}

test("no AWS credentials at all are none", () => {
  assert.equal(ownAws(PREFIX).read(caller([])), undefined);
  assert.equal(ownAws(METADATA).read(caller([], "text")), undefined);
});

const WITHHELD: { name: string; in: BackendAuth; want: string[] }[] = [
  { name: "none", in: { type: "none" }, want: [] },
  { name: "a key's", in: { type: "APIKey", policy: "p", keys: [], override: HEADER }, want: ["x-token"] },
  { name: "metadata's", in: { type: "APIKey", policy: "p", keys: [], override: METADATA }, want: [] },
  {
    name: "AWS's three",
    in: { type: "AWSCredentials", policy: "p", region: "r", source: { from: "default-chain" }, override: PREFIX },
    want: ["x-aws-access-key-id", "x-aws-secret-access-key", "x-aws-session-token"],
  },
];
for (const { name, in: auth, want } of WITHHELD) {
  test(`the headers of an override are known: ${name}`, () => assert.deepEqual(overrideHeaders(auth), want));
}
