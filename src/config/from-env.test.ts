import assert from "node:assert/strict";
import { test } from "node:test";
import type { Source } from "../resources/load.ts";
import type { Environment } from "../resources/substitute.ts";
import { resourcesFromEnv, simulatedResources } from "./from-env.ts";
import { compileValid } from "./test-configuration.ts";

/** The rules a source comes to, with what matters of their backends. */
function rulesOf(source: Source, env: Environment) {
  const { config, notices, ignored } = compileValid(source.text, { env });
  assert.deepEqual([...notices, ...ignored], []);
  return config.routes.flatMap(({ rules }) =>
    rules.map(({ matches, backends: [ref] }) => ({
      models: matches.at(-1)?.[0]?.value,
      schema: ref?.backend.schema,
      host: ref?.backend.upstream.endpoints[0]?.authority,
      serverName: ref?.backend.upstream.tls?.serverName,
      key:
        ref !== undefined && "keys" in ref.backend.auth
          ? [ref.backend.auth.type, ...ref.backend.auth.keys.map((key) => key.reveal())]
          : [],
      headers: ref?.headerMutation.set,
    })),
  );
}

const openai = {
  models: ".*",
  schema: { name: "OpenAI", prefix: "v1", version: undefined },
  host: "api.openai.com",
  serverName: "api.openai.com",
  key: ["APIKey", "sk-o"],
  headers: [],
};
const anthropic = {
  models: ".*",
  schema: { name: "Anthropic", prefix: "v1", version: undefined },
  host: "api.anthropic.com",
  serverName: "api.anthropic.com",
  key: ["AnthropicAPIKey", "sk-a"],
  headers: [],
};
const azure = {
  models: ".*",
  schema: { name: "AzureOpenAI", prefix: undefined, version: "2024-10-21" },
  host: "me.openai.azure.com",
  serverName: "me.openai.azure.com",
  key: ["AzureAPIKey", "sk-z"],
  headers: [],
};
const AZURE_ENV = {
  AZURE_OPENAI_API_KEY: "sk-z",
  AZURE_OPENAI_ENDPOINT: "https://me.openai.azure.com/",
  OPENAI_API_VERSION: "2024-10-21",
};

const CASES = [
  { name: "OpenAI alone", in: { OPENAI_API_KEY: "sk-o" }, want: [openai] },
  { name: "Anthropic alone takes every model", in: { ANTHROPIC_API_KEY: "sk-a" }, want: [anthropic] },
  {
    name: "Anthropic beside OpenAI takes the models named claude",
    in: { OPENAI_API_KEY: "sk-o", ANTHROPIC_API_KEY: "sk-a" },
    want: [{ ...anthropic, models: "claude.*" }, openai],
  },
  { name: "Azure goes before OpenAI", in: { ...AZURE_ENV, OPENAI_API_KEY: "sk-o" }, want: [azure] },
  {
    name: "a base URL with a path and a port, an organisation and a project",
    in: {
      OPENAI_API_KEY: "sk-o",
      OPENAI_BASE_URL: "https://proxy.example:8443/openai/v1/",
      OPENAI_ORG_ID: "org",
      OPENAI_PROJECT_ID: `\${proj}`,
    },
    want: [
      {
        ...openai,
        schema: { ...openai.schema, prefix: "openai/v1" },
        host: "proxy.example:8443",
        serverName: "proxy.example",
        headers: [
          { name: "openai-organization", value: "org" },
          { name: "openai-project", value: `\${proj}` },
        ],
      },
    ],
  },
  {
    name: "a base URL of an address without path and TLS",
    in: { OPENAI_API_KEY: "sk-o", OPENAI_BASE_URL: "http://[::1]:9000" },
    want: [{ ...openai, schema: { ...openai.schema, prefix: "" }, host: "[::1]:9000", serverName: undefined }],
  },
  {
    name: "a base URL of Anthropic without the version",
    in: { ANTHROPIC_API_KEY: "sk-a", ANTHROPIC_BASE_URL: "https://api.anthropic.com" },
    want: [anthropic],
  },
];

for (const { name, in: env, want } of CASES) {
  test(`the environment makes a configuration without faults: ${name}`, () => {
    const made = resourcesFromEnv(env);
    assert.equal(made.kind, "source");
    const source = made.kind === "source" ? made.source : { name: "", text: "" };
    assert.deepEqual(rulesOf(source, env), want);
    assert.ok(!/sk-[oaz]/.test(source.text), "keys stay in the environment");
  });
}

test("an environment without keys makes none", () => {
  for (const env of [{}, { OPENAI_API_KEY: "" }, { OPENAI_BASE_URL: "https://a.example" }]) {
    assert.deepEqual(resourcesFromEnv(env), { kind: "none" });
  }
});

test("providers and a model to try are told", () => {
  const made = resourcesFromEnv({ OPENAI_API_KEY: "sk-o", ANTHROPIC_API_KEY: "sk-a" });
  assert.deepEqual(made.kind === "source" && [made.providers, made.exampleModel], [
    ["Anthropic (https://api.anthropic.com/v1)", "OpenAI (https://api.openai.com/v1)"],
    "gpt-4o-mini",
  ]);
});

const FAULTS = [
  {
    in: { AZURE_OPENAI_API_KEY: "k" },
    want: "AZURE_OPENAI_API_KEY needs AZURE_OPENAI_ENDPOINT and OPENAI_API_VERSION as well, e.g. AZURE_OPENAI_ENDPOINT=https://NAME.openai.azure.com OPENAI_API_VERSION=2024-10-21",
  },
  {
    in: { ...AZURE_ENV, AZURE_OPENAI_ENDPOINT: "https://a.example/openai" },
    want: 'AZURE_OPENAI_ENDPOINT must have no path, as in https://a.example, not "https://a.example/openai"',
  },
  {
    in: { OPENAI_API_KEY: "k", OPENAI_BASE_URL: "api.openai.com" },
    want: 'OPENAI_BASE_URL must be a URL such as https://api.example.com/v1, not "api.openai.com"',
  },
  {
    in: { ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: "ftp://a.example" },
    want: 'ANTHROPIC_BASE_URL must be a URL such as https://api.example.com/v1, not "ftp://a.example"',
  },
  {
    in: { OPENAI_API_KEY: "k", OPENAI_BASE_URL: "https://user:secret@a.example" },
    want: "OPENAI_BASE_URL must be a plain URL: no user name, query or fragment",
  },
];

for (const { in: env, want } of FAULTS) {
  test(`a setting that cannot be used is explained: ${want}`, () => {
    assert.deepEqual(resourcesFromEnv(env), { kind: "fault", reason: want });
  });
}

test("the simulated provider speaks Anthropic's API for Claude and OpenAI's for the rest", () => {
  assert.deepEqual(
    rulesOf(simulatedResources(8080), {}).map(({ models, schema, host, key }) => ({ models, schema, host, key })),
    [
      { models: "claude.*", schema: { name: "Anthropic", prefix: undefined, version: undefined } },
      { models: ".*", schema: { name: "OpenAI", prefix: undefined, version: undefined } },
    ].map((rule) => ({ ...rule, host: "127.0.0.1:8080", key: [] })),
  );
});

test("the simulated provider's models are listed by name, so that a newcomer finds one", () => {
  const { text } = simulatedResources(8080);
  for (const model of ["claude-sonnet-4-5", "gpt-4o-mini", "text-embedding-3-small"]) {
    assert.match(text, new RegExp(`type: Exact\\s+name: x-ai-eg-model\\s+value: ${model}`));
  }
});
