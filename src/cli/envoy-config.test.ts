import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parse } from "yaml";
import { type EnvoyConfigOptions, runEnvoyConfig } from "./envoy-config.ts";

const EXAMPLE = join(import.meta.dirname, "../../examples/openai/openai.yaml");
const OPTIONS: EnvoyConfigOptions = {
  processor: "/run/aigw.sock",
  address: "127.0.0.1",
  adminPort: 9901,
  messageTimeout: 10_000,
  rateLimitTimeout: 1_500,
};

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "aigw-envoy-config-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function print(
  paths: readonly string[],
  { env = {}, ...options }: Partial<EnvoyConfigOptions> & { readonly env?: Record<string, string> } = {},
) {
  let text = "";
  const errors: string[] = [];
  const io = {
    print: (more: string) => {
      text += more;
    },
    printError: (line: string) => errors.push(line),
    env,
  };
  const code = await runEnvoyConfig(paths, { ...OPTIONS, ...options }, io);
  return { code, text, errors };
}

test("the configuration is printed as Envoy's YAML, with the options in it and without a provider's key", async () => {
  const env = { OPENAI_API_KEY: "sk-secret" };
  const { code, text, errors } = await print([EXAMPLE], { env, port: 8080, caFile: "/ca.pem" });
  assert.deepEqual([code, errors], [0, []]);
  assert.doesNotMatch(text, /sk-secret/);
  assert.match(text, /address: 127\.0\.0\.1\n +port_?value: 9901/i);
  assert.match(text, /port_?value: 8080/i);
  assert.match(text, /path: \/run\/aigw\.sock/);
  assert.match(text, /filename: \/ca\.pem/);
});

const FILES = { tlsCert: "/tls/envoy.pem", tlsKey: "/tls/envoy.key", tlsCa: "/tls/ca.pem" };

test("a processor over mutual TLS is asked with Envoy's certificate, and has to be who it is", async () => {
  const env = { OPENAI_API_KEY: "k" };
  const { code, text } = await print([EXAMPLE], { env, processor: "processor.test:1063", ...FILES });
  assert.equal(code, 0);
  const { clusters } = parse(text).static_resources;
  const { transport_socket } = clusters.find(({ name }: { name: string }) => name === "aigw-processor");
  assert.deepEqual(transport_socket.typed_config, {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    common_tls_context: {
      tls_params: { tls_minimum_protocol_version: "TLSv1_2" },
      alpn_protocols: ["h2"],
      tls_certificates: [{ certificate_chain: { filename: FILES.tlsCert }, private_key: { filename: FILES.tlsKey } }],
      validation_context: {
        trusted_ca: { filename: FILES.tlsCa },
        match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "processor.test" } }],
      },
    },
    sni: "processor.test",
  });
});

const NAMES: readonly { processor: string; tlsName?: string; want: RegExp }[] = [
  { processor: "10.0.0.7:1063", want: /san_type: IP_ADDRESS\s+matcher:\s+exact: 10\.0\.0\.7\n/ },
  { processor: "[fd00::7]:1063", want: /san_type: IP_ADDRESS\s+matcher:\s+exact: fd00::7\n/ },
  { processor: "10.0.0.7:1063", tlsName: "processor", want: /san_type: DNS\s+matcher:\s+exact: processor\n/ },
  { processor: "/run/aigw.sock", tlsName: "processor", want: /sni: processor\n/ },
];

for (const { want, ...options } of NAMES) {
  test(`the processor's certificate is for ${options.tlsName ?? "its address"} (${options.processor})`, async () => {
    const { text } = await print([EXAMPLE], { env: { OPENAI_API_KEY: "k" }, ...FILES, ...options });
    assert.match(text, want);
  });
}

test("the rate limit service is asked by Envoy's filter, over TLS with the same files where that is wanted", async () => {
  const path = join(folder, "limits.yaml");
  const limit = "rateLimit: { type: Global, global: { rules: [{ limit: { requests: 1, unit: Hour } }] } }";
  const policy = `---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: { name: limits, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIGatewayRoute, name: openai }]
  ${limit}
`;
  writeFileSync(path, readFileSync(EXAMPLE, "utf8") + policy);
  const env = { OPENAI_API_KEY: "k" };
  const asked = { rateLimitService: { host: "limits.test", port: 1066 }, rateLimitTls: true };
  const { text, errors } = await print([path], { env, ...FILES, tlsName: "processor", ...asked });
  assert.deepEqual(errors, []);
  assert.match(text, /sni: limits\.test\n/);
  assert.match(text, /timeout: 1\.500s\n/);
  assert.match(text, /descriptor_value: BackendTrafficPolicy\/default\/limits/);
  const without = await print([path], { env });
  assert.doesNotMatch(without.text, /ratelimit/i);
});

const INCOMPLETE: readonly { name: string; in: Partial<EnvoyConfigOptions>; want: string }[] = [
  {
    name: "a certificate alone",
    in: { tlsCert: "c.pem" },
    want: "aigw: --tls-cert, --tls-key and --tls-ca belong together",
  },
  { name: "a name alone", in: { tlsName: "n" }, want: "aigw: --tls-name needs --tls-cert, --tls-key and --tls-ca" },
  {
    name: "a service over TLS without certificates",
    in: { rateLimitTls: true },
    want: "aigw: --rate-limit-tls needs --tls-cert, --tls-key and --tls-ca",
  },
  { name: "a Unix socket without a name", in: FILES, want: "aigw: a Unix socket has no name: say --tls-name" },
];

for (const { name, in: options, want } of INCOMPLETE) {
  test(`${name} is told, and nothing is printed`, async () => {
    const { code, text, errors } = await print([EXAMPLE], { env: { OPENAI_API_KEY: "k" }, ...options });
    assert.deepEqual([code, text, errors], [1, "", [want]]);
  });
}

test("the same configuration is printed the same way", async () => {
  const env = { OPENAI_API_KEY: "k" };
  assert.equal((await print([EXAMPLE], { env })).text, (await print([EXAMPLE], { env })).text);
});

test("without a file it is made from the environment", async () => {
  const { code, text } = await print([], { env: { OPENAI_API_KEY: "k", HOME: folder } });
  assert.equal(code, 0);
  assert.match(text, /api\.openai\.com/);
});

test("without any configuration there is nothing to print", async () => {
  const { code, text, errors } = await print([], { env: {} });
  assert.deepEqual([code, text], [1, ""]);
  assert.match(errors[0] ?? "", /^aigw: there is no configuration: name a FILE, or set OPENAI_API_KEY/);
});

test("faults are told at their place, and nothing is printed", async () => {
  const path = join(folder, "faulty.yaml");
  writeFileSync(
    path,
    "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec: {wrong: 1}\n",
  );
  const { code, text, errors } = await print([path]);
  assert.deepEqual([code, text], [1, ""]);
  assert.match(errors.join("\n"), /faulty\.yaml:4:\d+: Gateway default\/g: spec\.wrong/);
});

test("a file that is not there is told", async () => {
  const { code, errors } = await print([join(folder, "missing.yaml")]);
  assert.equal(code, 1);
  assert.match(errors.join("\n"), /missing\.yaml:1:1: file: there is no such file/);
});
