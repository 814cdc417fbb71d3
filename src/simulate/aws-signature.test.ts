import assert from "node:assert/strict";
import { test } from "node:test";
import { awsSigner } from "../backend-auth/test-signer.ts";
import { isSigned, type ReceivedRequest, signatureFault } from "./aws-signature.ts";
import { startSimulator } from "./simulator.ts";

const KEY = { accessKeyId: "AKID", secretAccessKey: "secret", sessionToken: "token" };
const NOW = new Date("2026-01-02T03:04:05Z");

async function signed(host: string, date = NOW): Promise<ReceivedRequest> {
  const signer = awsSigner(KEY, "us-east-1");
  const path = "/model/arn%3Aaws%3Abedrock%2Fm:0%20(x)/converse";
  const sent = {
    ...{ method: "POST", protocol: "http:", hostname: host, path, query: { "a b": "ü+", "a-b": "1", a: "2" } },
    ...{ headers: { host, "content-type": "application/json" }, body: '{"messages":[]}' },
  };
  const { headers } = await signer.sign(sent, { signingDate: date });
  return { method: "POST", url: `${path}?a=2&a-b=1&a%20b=%C3%BC%2B`, headers, body: Buffer.from('{"messages":[]}') };
}

const request = await signed("example.com");
const { headers } = request;
const unsigned = "The request signature we calculated does not match the signature you provided.";
const badToken = "The security token included in the request is invalid.";

const cases: {
  name: string;
  change?: Partial<ReceivedRequest>;
  key?: object;
  nowMs?: number;
  want: string | undefined;
}[] = [
  { name: "what AWS's library signed is good", want: undefined },
  { name: "another secret is not", key: { secretAccessKey: "other" }, want: unsigned },
  { name: "another body is not", change: { body: Buffer.from("{}") }, want: unsigned },
  { name: "another path is not", change: { url: request.url.replace("%20", "+") }, want: unsigned },
  { name: "another query is not", change: { url: `${request.url}&b=1` }, want: unsigned },
  { name: "another method is not", change: { method: "PUT" }, want: unsigned },
  { name: "another host is not", change: { headers: { ...headers, host: "example.org" } }, want: unsigned },
  { name: "another key is not", key: { accessKeyId: "other" }, want: badToken },
  { name: "another token is not", change: { headers: { ...headers, "x-amz-security-token": "x" } }, want: badToken },
  {
    name: "a header of AWS's that is not signed is not",
    change: { headers: { ...headers, "x-amz-target": "x" } },
    want: "x-amz-target must be a 'SignedHeader' in the AWS Authorization.",
  },
  {
    name: "one of six minutes ago is not",
    nowMs: NOW.getTime() + 360_000,
    want: "Signature expired or not yet current: 20260102T030405Z",
  },
  {
    name: "one for another service is not",
    change: { headers: { ...headers, authorization: headers.authorization?.replace("/bedrock/", "/s3/") } },
    want: "The Authorization header is not one of Signature Version 4 for bedrock.",
  },
];

for (const { name, change, key, nowMs = NOW.getTime(), want } of cases) {
  test(`signatures: ${name}`, () => {
    assert.equal(signatureFault({ ...request, ...change }, [{ ...KEY, ...key }], nowMs), want);
  });
}

test("keys are no signatures", () => {
  assert.deepEqual([isSigned(headers), isSigned({ authorization: "Bearer sk" }), isSigned({})], [true, false, false]);
});

test("a simulator that was told a key refuses signatures with another one, and takes what is not signed", async (t) => {
  const simulator = await startSimulator({ port: 0, awsKeys: [KEY] });
  t.after(() => simulator.close());
  const ask = async (authorization: string): Promise<number> => {
    const body = JSON.stringify({ messages: [{ role: "user", content: [{ text: "hi" }] }] });
    const url = `http://127.0.0.1:${simulator.port}/model/m/converse`;
    return (await fetch(url, { method: "POST", headers: { authorization }, body })).status;
  };
  assert.deepEqual([await ask(String(headers.authorization)), await ask("Bearer sk")], [403, 200]);
});
