/** Callers' credentials in Envoy's dynamic metadata, as a filter in front of the processor puts them there. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parseAllDocuments, stringify } from "yaml";
import { type Simulator, startSimulator } from "../../src/simulate/simulator.ts";
import { AWS_KEYS, apiKey, backend, route, upstream } from "../conformance/configs.ts";
import { ask, eventually } from "./envoy-tools.ts";
import { OwnEnvoy } from "./own-envoy.ts";

const [LASTING] = AWS_KEYS;
const FROM_METADATA = `  credentialOverride: { fromDynamicMetadata: { namespace: callers, key: token, fallbackToConfigured: false } }
`;

function rule(model: string, ...backends: string[]): string {
  return `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: ${model} }] }]
      backendRefs: [${backends.map((name) => `{ name: ${name} }`).join(", ")}]`;
}

function config(port: number): string {
  return `${route("main", rule("key", "key") + rule("keys", "key", "key-too") + rule("aws", "aws") + rule("none", "none"))}
${["key", "key-too", "none"].map((name) => backend(name, "{ name: OpenAI }")).join("")}
${["key", "key-too"].map((name) => apiKey(name, "sk-configured", { type: "APIKey", field: "apiKey", more: FROM_METADATA })).join("")}
${apiKey("none", "sk-configured", { type: "APIKey", field: "apiKey", more: FROM_METADATA.replace("key: token", "key: other") })}
${backend("aws", "{ name: AWSBedrock }")}
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: { name: aws, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: aws }]
  type: AWSCredentials
  awsCredentials: { region: us-east-1 }
  credentialOverride: { fromDynamicMetadata: { namespace: callers, fallbackToConfigured: false } }
${upstream(String(port))}`;
}

/** What an authenticating filter would have found out about the caller. */
const CALLER = {
  name: "envoy.filters.http.set_metadata",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config",
    metadata: [
      {
        metadata_namespace: "callers",
        value: {
          token: "sk-own",
          "x-aigw-aws-credentials": { accessKeyId: LASTING.accessKeyId, secretAccessKey: LASTING.secretAccessKey },
        },
      },
    ],
  },
};

/** Puts the filter in front of all others. */
function withCaller(bootstrap: string): string {
  const [document] = parseAllDocuments(bootstrap).map((parsed) => parsed.toJS());
  for (const listener of document.static_resources.listeners) {
    for (const { filters } of listener.filter_chains) filters[0].typed_config.http_filters.unshift(CALLER);
  }
  return stringify(document);
}

let simulator: Simulator;
let own: OwnEnvoy;
let url = "";
before(async () => {
  simulator = await startSimulator({ port: 0, record: 100, awsKeys: AWS_KEYS });
  own = new OwnEnvoy(config(simulator.port));
  const socket = `unix:${join(own.folder, "processor.sock")}`;
  await own.startProcessor(socket);
  ({ url } = await own.startEnvoy(withCaller(own.envoyConfig(["--processor", socket]))));
  await eventually("a first answer", async () =>
    (await ask(url, { id: "first", model: "key" })).status === 200 ? true : undefined,
  );
});
after(async () => {
  own.stop();
  await simulator.close();
});

const CASES = [
  { name: "a key", model: "key", want: /^Bearer sk-own$/ },
  { name: "a key for the backend that is chosen of several", model: "keys", want: /^Bearer sk-own$/ },
  { name: "keys of AWS, whose signature verifies", model: "aws", want: /Credential=AKIALASTING\// },
];
for (const { name, model, want } of CASES) {
  test(`a caller's own credential comes in Envoy's metadata: ${name}`, async () => {
    const { status, text } = await ask(url, { id: model, model });
    assert.equal(status, 200, text);
    const sent = simulator.requests.find(({ headers }) => headers["x-request-id"] === model);
    assert.match(String(sent?.headers["authorization"]), want);
  });
}

test("a caller's own credential that is not in the metadata is missing", async () => {
  const { status, text } = await ask(url, { id: "none", model: "none" });
  assert.equal(status, 401);
  assert.match(text, /missing upstream credential/);
});
