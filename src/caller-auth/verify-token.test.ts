import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { base64url, callerAuth, ISSUER, NOW, SigningKey, Stage, tokenAuth } from "./test-tokens.ts";

const RSA = new SigningKey("rsa", "RS256");
const EC = new SigningKey("ec", "ES256");
const ED = new SigningKey("ed", "EdDSA");
const OTHERS = new SigningKey("ec", "ES256");
const KEYS = [RSA, EC, ED];

function stage(): Stage {
  return new Stage([callerAuth({ tokens: [tokenAuth()] })], KEYS);
}

for (const { name, token } of [
  { name: "RS256", token: RSA.token() },
  { name: "ES256", token: EC.token() },
  { name: "EdDSA", token: ED.token() },
  { name: "a list of audiences with ours", token: EC.token({ aud: ["other", "gateway"] }) },
  { name: "no expiry", token: EC.token({ exp: undefined }) },
  { name: "an expiry within the leeway", token: EC.token({ exp: NOW - 59 }) },
  { name: "a start within the leeway", token: EC.token({ nbf: NOW + 59 }) },
  { name: "an expiry far away", token: EC.token({ exp: 9_007_199_254_740_991 }) },
  { name: "a fraction in its expiry", token: EC.token({ exp: NOW + 0.5 }) },
  { name: "no name of a key", token: EC.token({}, { kid: undefined }) },
  { name: "the URL of a key in its header, which nobody asks", token: EC.token({}, { jku: "https://evil.test/keys" }) },
  { name: "another key in its header, which nobody uses", token: EC.token({}, { jwk: OTHERS.jwk }) },
  { name: "a certificate's URL in its header", token: EC.token({}, { x5u: "https://evil.test/cert" }) },
]) {
  test(`a token with ${name} is good`, async () => {
    assert.equal(await stage().subject(token), "alice");
  });
}

const [HEAD = "", CLAIMS = "", SIGNATURE = ""] = EC.token().split(".");
const RSA_PEM = RSA.publicKey.export({ format: "pem", type: "spki" });
const RSA_JWK = JSON.stringify(RSA.jwk);

function hmac(key: string | Buffer): string {
  const data = `${base64url('{"alg":"HS256","kid":"rsa"}')}.${RSA.token().split(".")[1]}`;
  return `${data}.${createHmac("sha256", key).update(data).digest("base64url")}`;
}

const claims = { iss: ISSUER, aud: "gateway", sub: "alice" };

for (const { name, token, want = "invalid" } of [
  { name: "no algorithm", token: `${base64url('{"alg":"none"}')}.${CLAIMS}.` },
  { name: "no algorithm, in other letters", token: `${base64url('{"alg":"nOnE"}')}.${CLAIMS}.${SIGNATURE}` },
  { name: "no algorithm, signed all the same", token: EC.token({}, { alg: "none" }) },
  { name: "the public key as a shared secret (PEM)", token: hmac(String(RSA_PEM)) },
  { name: "the public key as a shared secret (JWK)", token: hmac(RSA_JWK) },
  { name: "an algorithm that is a list", token: EC.token({}, { alg: ["ES256"] }) },
  { name: "another algorithm than its key's", token: EC.token({}, { alg: "RS256" }) },
  { name: "critical extensions", token: EC.token({}, { crit: ["exp"], exp: NOW + 300 }) },
  { name: "an empty list of critical extensions", token: EC.token({}, { crit: [] }) },
  { name: "an unencoded payload (b64)", token: EC.token({}, { b64: false, crit: ["b64"] }) },
  { name: "no signature", token: `${HEAD}.${CLAIMS}.` },
  { name: "two parts", token: `${HEAD}.${CLAIMS}` },
  { name: "five parts, as of an encrypted one", token: `${HEAD}.${CLAIMS}.${SIGNATURE}.${SIGNATURE}.${SIGNATURE}` },
  { name: "a signature of zeros", token: `${HEAD}.${CLAIMS}.${Buffer.alloc(64).toString("base64url")}` },
  { name: "a signature that is cut", token: `${HEAD}.${CLAIMS}.${SIGNATURE.slice(0, 40)}` },
  { name: "padding", token: `${HEAD}.${CLAIMS}.${SIGNATURE}=` },
  { name: "the signature of other claims", token: `${HEAD}.${EC.token({ sub: "bob" }).split(".")[1]}.${SIGNATURE}` },
  { name: "the signature of another key of this name", token: OTHERS.token() },
  { name: "the signature of the key in its header", token: OTHERS.token({}, { jwk: OTHERS.jwk }) },
  { name: "the name of a path as its key's", token: OTHERS.token({}, { kid: "../../../dev/null" }) },
  { name: "a number as its key's name", token: OTHERS.token({}, { kid: 0 }) },
  { name: "another issuer", token: EC.token({ iss: "https://evil.test" }) },
  { name: "an issuer that begins like ours", token: EC.token({ iss: `${ISSUER}.evil.test` }) },
  { name: "an issuer with a slash more", token: EC.token({ iss: `${ISSUER}/` }) },
  { name: "a list of issuers", token: EC.token({ iss: [ISSUER] }) },
  { name: "no issuer", token: EC.token({ iss: undefined }) },
  { name: "another audience", token: EC.token({ aud: "gateway-of-others" }) },
  { name: "no audience", token: EC.token({ aud: undefined }) },
  { name: "no audience in its list", token: EC.token({ aud: [] }) },
  { name: "an expiry that is over", token: EC.token({ exp: NOW - 61 }), want: "expired" },
  { name: "an expiry long before", token: EC.token({ exp: -1 }), want: "expired" },
  { name: "an expiry in words", token: EC.token({ exp: "2099-01-01" }) },
  { name: "an expiry of null", token: EC.token({ exp: null }) },
  {
    name: "an infinite expiry",
    token: EC.signed('{"alg":"ES256","kid":"ec"}', `${JSON.stringify(claims).slice(0, -1)},"exp":1e999}`),
  },
  {
    name: "an expiry said twice, the last one over",
    token: EC.signed(
      '{"alg":"ES256","kid":"ec"}',
      `${JSON.stringify({ ...claims, exp: NOW + 300 }).slice(0, -1)},"exp":1}`,
    ),
    want: "expired",
  },
  { name: "a start to come", token: EC.token({ nbf: NOW + 61 }) },
  { name: "claims that are a list", token: EC.signed('{"alg":"ES256","kid":"ec"}', "[]") },
  { name: "claims that are no JSON", token: EC.signed('{"alg":"ES256","kid":"ec"}', "{") },
  { name: "a header that is null", token: EC.signed("null", "{}") },
]) {
  test(`a token with ${name} is refused as ${want}`, async () => {
    assert.equal(await stage().subject(token), want);
  });
}

test("a token is verified once, and then known at once until it expires", async () => {
  const one = stage();
  const token = EC.token({ exp: NOW + 100 });
  const headers = ["authorization", `bearer ${token}`];
  assert.ok(one.identify(headers) instanceof Promise);
  await one.identify(headers);
  const known = one.identify(headers);
  assert.ok(!(known instanceof Promise));
  assert.equal(known.identities[0]?.caller.attributes.get("user"), "alice");
  one.nowMs += 161_000;
  assert.deepEqual(one.identify(headers), { identities: [], shown: [], doubt: "expired" });
});
