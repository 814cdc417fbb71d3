import assert from "node:assert/strict";
import { test } from "node:test";
import type { AwsAuth } from "../config/backend-auth.ts";
import { Secret } from "../config/secret.ts";
import { HeaderMap } from "../wire/headers.ts";
import { signAws, signingRegion } from "./sign-aws.ts";

const regions = [
  { name: "a public endpoint", in: "bedrock-runtime.us-west-2.amazonaws.com", want: "us-west-2" },
  { name: "one with a port", in: "bedrock-runtime.us-west-2.amazonaws.com:443", want: "us-west-2" },
  { name: "a FIPS endpoint", in: "bedrock-runtime-fips.us-gov-west-1.amazonaws.com", want: "us-gov-west-1" },
  { name: "a dual-stack endpoint", in: "bedrock-runtime.eu-west-1.api.aws", want: "eu-west-1" },
  {
    name: "an endpoint of a VPC",
    in: "vpce-0a1b2c-xyz.bedrock-runtime.ap-south-1.vpce.amazonaws.com",
    want: "ap-south-1",
  },
  { name: "an address", in: "127.0.0.1:8443", want: "configured" },
  {
    name: "a host that only looks like one",
    in: "bedrock-runtime.us-west-2.amazonaws.com.evil.com",
    want: "configured",
  },
  { name: "a host with one inside a label", in: "evil-bedrock-runtime.us-west-2.amazonaws.com", want: "configured" },
  { name: "another service of AWS", in: "bedrock.us-west-2.amazonaws.com", want: "configured" },
  { name: "a host without a region", in: "bedrock-runtime.amazonaws.com", want: "configured" },
];

for (const { name, in: authority, want } of regions) {
  test(`the region to sign for: ${name}`, () => assert.equal(signingRegion(authority, "configured"), want));
}

const AUTH: AwsAuth = {
  type: "AWSCredentials",
  policy: "default/bedrock",
  override: undefined,
  region: "us-east-1",
  source: { from: "default-chain" },
};
const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

function signed(sessionToken: string | undefined, flat: string[]): string[] {
  const headers = new HeaderMap(flat);
  const credentials = {
    accessKeyId: "AKID",
    secretAccessKey: new Secret("secret"),
    sessionToken: sessionToken === undefined ? undefined : new Secret(sessionToken),
  };
  const request = {
    method: "POST",
    path: "/model/m/converse",
    authority: "example.com",
    body: Buffer.from("{}"),
    headers,
  };
  signAws(request, credentials, AUTH, NOW_MS);
  return headers.flat.map((value) => value.replace(/Signature=[0-9a-f]{64}$/, "Signature=…"));
}

test("host and date are signed, and nothing that a proxy may change", () => {
  assert.deepEqual(signed(undefined, ["content-type", "application/json"]), [
    "content-type",
    "application/json",
    "x-amz-date",
    "20260102T030405Z",
    "authorization",
    "AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=…",
  ]);
});

test("the token of temporary credentials is sent and signed", () => {
  const headers = new HeaderMap(signed("token", []));
  assert.equal(headers.get("x-amz-security-token"), "token");
  assert.match(headers.get("authorization") ?? "", / SignedHeaders=host;x-amz-date;x-amz-security-token, /);
});

test("what the caller or a mutation put into the signer's headers is gone", () => {
  const flat = [
    ...["x-amz-security-token", "theirs", "x-amz-target", "theirs", "authorization", "Bearer theirs"],
    ...["x-amz-target", "again", "x-amzn-bedrock-trace", "ENABLED", "x-amz-date", "theirs"],
  ];
  const headers = signed(undefined, flat);
  assert.ok(!headers.join(" ").includes("theirs"));
  assert.deepEqual(new HeaderMap(headers).get("x-amzn-bedrock-trace"), "ENABLED");
  assert.deepEqual(headers.filter((_, index) => index % 2 === 0).sort(), [
    "authorization",
    "x-amz-date",
    "x-amzn-bedrock-trace",
  ]);
});
