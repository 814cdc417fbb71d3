import { type Case, type Group, UPSTREAM_PORT, type WantUpstream } from "../case.ts";
import { AWS_KEYS, backend, CHAT, chat, MESSAGES, route, upstream } from "../configs.ts";

const [LASTING, TEMPORARY] = AWS_KEYS;

/** A backend with a policy for it, under the name of both. */
function signing(name: string, schema: string, credentials: string, more = ""): string {
  return `${backend(name, `{ name: ${schema} }`, more)}
---
apiVersion: v1
kind: Secret
metadata: { name: ${name}-aws, namespace: default }
stringData: { credentials: ${JSON.stringify(credentials)} }
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: { name: ${name}-aws, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: ${name} }]
  type: AWSCredentials
  awsCredentials:
    region: eu-central-1
    credentialsFile: { secretRef: { name: ${name}-aws }, profile: gateway }
`;
}

function profile(key: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }): string {
  const token = key.sessionToken === undefined ? "" : `aws_session_token = ${key.sessionToken}\n`;
  return `[gateway]\naws_access_key_id = ${key.accessKeyId}\naws_secret_access_key = ${key.secretAccessKey}\n${token}`;
}

const MUTATIONS = `  headerMutation:
    set: [{ name: X-Amz-Target, value: mutated }, { name: x-team, value: blue }, { name: X-Amzn-Bedrock-Trace, value: ENABLED }]
  bodyMutation:
    set: [{ path: requestMetadata.team, value: blé }]
    remove: [inferenceConfig]
`;

const ODD_MODEL = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/é (x)+y!*'~%2F:0";
const ODD_SEGMENT = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile%2F%C3%A9%20(x)%2By!*'~%252F:0";

const names = ["lasting", "temporary", "mutated", "claude", "refused"];
const rules = [...names.map((name) => [name, name]), ["odd", "lasting", ODD_MODEL]]
  .map(
    ([alias, name, model = "us.amazon.nova-lite-v1:0"]) => `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: ${alias} }] }]
      backendRefs: [{ name: ${name}, modelNameOverride: ${JSON.stringify(model)} }]`,
  )
  .join("");

/** With Envoy, a choice of backends is made by Envoy, and signed for one step later. */
const CHOICE = `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: choice }] }]
      backendRefs:
        - { name: lasting, modelNameOverride: ${JSON.stringify(ODD_MODEL)} }
        - { name: mutated, modelNameOverride: ${JSON.stringify(ODD_MODEL)} }`;

const CONFIG = `${route("signed", rules + CHOICE)}
${signing("lasting", "AWSBedrock", profile(LASTING))}
${signing("temporary", "AWSBedrock", profile(TEMPORARY))}
${signing("mutated", "AWSBedrock", profile(LASTING), MUTATIONS)}
${signing("claude", "AWSAnthropic", profile(TEMPORARY))}
${signing("refused", "AWSBedrock", profile({ ...LASTING, secretAccessKey: "another" }))}
${upstream(UPSTREAM_PORT)}`;

const SIGNED_LASTING =
  /^AWS4-HMAC-SHA256 Credential=AKIALASTING\/\d{8}\/eu-central-1\/bedrock\/aws4_request, SignedHeaders=host;x-amz-date, Signature=/;
const SIGNED_TEMPORARY =
  /^AWS4-HMAC-SHA256 Credential=ASIATEMPORARY\/\d{8}\/eu-central-1\/bedrock\/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=/;
const LASTING_HEADERS = { authorization: SIGNED_LASTING, "x-amz-security-token": undefined };
const TEMPORARY_HEADERS = { authorization: SIGNED_TEMPORARY, "x-amz-security-token": TEMPORARY.sessionToken };

/** The provider computes the signature anew: a status of 200 says that it holds for what arrived. */
function accepted(name: string, request: Case["request"], want: WantUpstream): Case {
  return { name, config: CONFIG, request, want: { status: 200, upstream: want } };
}

/** Requests to Amazon Bedrock that are signed for. */
export const AWS_SIGNATURES: Group = {
  name: "AWS signatures",
  cases: [
    accepted("a request verifies", { path: CHAT, body: chat("lasting") }, { headers: LASTING_HEADERS }),
    accepted(
      "a stream verifies",
      { path: CHAT, body: chat("lasting", { stream: true }) },
      { path: "/model/us.amazon.nova-lite-v1:0/converse-stream", headers: LASTING_HEADERS },
    ),
    accepted(
      "the token of temporary credentials goes along",
      { path: CHAT, body: chat("temporary") },
      { headers: TEMPORARY_HEADERS },
    ),
    accepted(
      "a model of the oddest name verifies",
      { path: CHAT, body: chat("odd") },
      { path: `/model/${ODD_SEGMENT}/converse`, headers: LASTING_HEADERS },
    ),
    accepted(
      "a stream of a model of the oddest name verifies",
      { path: CHAT, body: chat("odd", { stream: true }) },
      { path: `/model/${ODD_SEGMENT}/converse-stream`, headers: LASTING_HEADERS },
    ),
    accepted(
      "headers and body are signed as they are after mutation, and nobody else sets what the signer does",
      { path: CHAT, body: chat("mutated", { max_tokens: 5 }) },
      {
        headers: { ...LASTING_HEADERS, "x-team": "blue", "x-amzn-bedrock-trace": "ENABLED", "x-amz-target": undefined },
        body: /^(?!.*inferenceConfig).*"requestMetadata":\{"team":"blé"\}/,
      },
    ),
    accepted(
      "a mutated stream verifies",
      { path: CHAT, body: chat("mutated", { stream: true }) },
      { headers: { ...LASTING_HEADERS, "x-team": "blue" } },
    ),
    accepted(
      "a backend of several is signed for when it is chosen",
      { path: CHAT, body: chat("choice") },
      { path: `/model/${ODD_SEGMENT}/converse`, headers: LASTING_HEADERS },
    ),
    accepted(
      "a stream of a backend of several is signed for when it is chosen",
      { path: CHAT, body: chat("choice", { stream: true }) },
      { path: `/model/${ODD_SEGMENT}/converse-stream`, headers: LASTING_HEADERS },
    ),
    accepted(
      "a caller cannot sign for the gateway",
      {
        path: CHAT,
        headers: {
          authorization: "AWS4-HMAC-SHA256 Credential=AKIACALLER",
          "x-amz-date": "20200101T000000Z",
          "x-amz-security-token": "caller",
          "x-amz-content-sha256": "caller",
        },
        body: chat("lasting"),
      },
      { headers: { ...LASTING_HEADERS, "x-amz-content-sha256": undefined, "x-amz-date": /^(?!2020)\d{8}T\d{6}Z$/ } },
    ),
    accepted(
      "a big body that comes in chunks verifies",
      {
        path: CHAT,
        chunked: true,
        body: chat("lasting", { messages: [{ role: "user", content: "é\n".repeat(100_000) }] }),
      },
      { headers: LASTING_HEADERS },
    ),
    accepted(
      "Claude's own API is signed for as well",
      { path: MESSAGES, body: chat("claude", { max_tokens: 10 }) },
      { path: "/model/us.amazon.nova-lite-v1:0/invoke", headers: TEMPORARY_HEADERS },
    ),
    accepted(
      "a stream of Claude's own API is signed for as well",
      { path: MESSAGES, body: chat("claude", { max_tokens: 10, stream: true }) },
      { path: "/model/us.amazon.nova-lite-v1:0/invoke-with-response-stream", headers: TEMPORARY_HEADERS },
    ),
    {
      name: "a signature with another key is refused, and the caller gets the provider's answer",
      config: CONFIG,
      request: { path: CHAT, body: chat("refused") },
      want: {
        status: 403,
        body: /The request signature we calculated does not match/,
        upstream: { headers: LASTING_HEADERS },
      },
    },
  ],
};
