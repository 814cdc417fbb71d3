import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { SERVICE_ACCOUNT, serviceAccountJson } from "../../test/token-servers/google.ts";
import { readServiceAccountKey, serviceAccountKeyFault } from "./service-account-key.ts";

const EC_KEY = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" });

test("a key as Google writes it is read", () => {
  const { clientEmail, keyId, tokenUri, privateKey } = readServiceAccountKey(serviceAccountJson());
  assert.deepEqual([clientEmail, keyId, tokenUri], [SERVICE_ACCOUNT, "key-1", "https://oauth2.googleapis.com/token"]);
  assert.equal(privateKey.asymmetricKeyType, "rsa");
});

test("without a token_uri tokens come from Google's usual endpoint", () => {
  const { tokenUri } = readServiceAccountKey(serviceAccountJson({ token_uri: undefined }));
  assert.equal(tokenUri, "https://oauth2.googleapis.com/token");
});

const faults: { name: string; in: string; want: string }[] = [
  { name: "no JSON", in: "s3cret", want: "is not JSON" },
  { name: "another JSON", in: "[1]", want: "is not a JSON object" },
  {
    name: "another kind of credentials",
    in: serviceAccountJson({ type: "authorized_user" }),
    want: 'is not the key of a service account: its type must be "service_account"',
  },
  { name: "no address", in: serviceAccountJson({ client_email: undefined }), want: "has no client_email" },
  { name: "no key", in: serviceAccountJson({ private_key: "" }), want: "has no private_key" },
  {
    name: "something else for a key",
    in: serviceAccountJson({ private_key: "s3cret" }),
    want: "has a private_key that is not a PEM private key",
  },
  {
    name: "a key of another kind",
    in: serviceAccountJson({ private_key: EC_KEY }),
    want: "has a private_key that is not an RSA key",
  },
  {
    name: "a token_uri in clear text",
    in: serviceAccountJson({ token_uri: "http://s3cret.test/token" }),
    want: "has a token_uri that must begin with https://; http:// is for this machine alone (localhost, 127.0.0.1)",
  },
  {
    name: "a token_uri that is no text",
    in: serviceAccountJson({ token_uri: 1 }),
    want: "has a token_uri that must be text",
  },
];

for (const { name, in: text, want } of faults) {
  test(`${name} is told without a quote`, () => {
    assert.equal(serviceAccountKeyFault(text), want);
  });
}

test("nothing is wrong with a good key", () => {
  assert.equal(serviceAccountKeyFault(serviceAccountJson()), undefined);
});
