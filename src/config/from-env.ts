/**
 * Configuration from environment variables and for the simulated provider: YAML like any other, so that it takes the same
 * way through loading, checking and compiling. Keys stay in the environment: the text only names their variables.
 *
 * With one provider every model goes to it. With several, models named `claude…` go to Anthropic and all others to Azure
 * OpenAI, or else to OpenAI.
 */
import { stringify } from "yaml";
import type { Source } from "../resources/load.ts";
import type { Environment } from "../resources/substitute.ts";

/** What the environment says. */
export type EnvResources =
  | { readonly kind: "none" }
  /** What is wrong, and how to mend it. */
  | { readonly kind: "fault"; readonly reason: string }
  | {
      readonly kind: "source";
      readonly source: Source;
      /** For people, e.g. `OpenAI (https://api.openai.com/v1)`. */
      readonly providers: readonly string[];
      /** A model to try. */
      readonly exampleModel: string;
    };

/** A provider as it goes into the text. */
interface Provider {
  /** Name of its objects. */
  readonly name: string;
  readonly schema: { readonly name: string; readonly prefix?: string; readonly version?: string };
  readonly url: URL;
  /** Type of its policy and the variable that holds the key; undefined for none. */
  readonly key: { readonly type: string; readonly field: string; readonly variable: string } | undefined;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Models that go to it, as a regular expression. */
  readonly models: string;
  /** Models of these that are listed by name; what only an expression matches cannot be. */
  readonly listed?: readonly string[];
  readonly exampleModel: string;
}

/** A setting that cannot be used. */
class SettingError extends Error {}

const CLAUDE_MODELS = "claude.*";
const ANY_MODEL = ".*";
const ANTHROPIC_EXAMPLE = "claude-sonnet-4-5";
const OPENAI_EXAMPLE = "gpt-4o-mini";
const NAME = "aigw-run";
const NAMESPACE = "default";

/** Makes resources of provider keys in the environment. */
export function resourcesFromEnv(env: Environment): EnvResources {
  try {
    const providers = providersOf(env);
    const [first] = providers;
    if (first === undefined) return { kind: "none" };
    return {
      kind: "source",
      source: { name: "<environment>", text: toYaml(providers) },
      providers: providers.map(({ schema, url }) => `${schema.name} (${url.href.replace(/\/$/, "")})`),
      exampleModel: (providers.find(({ models }) => models === ANY_MODEL) ?? first).exampleModel,
    };
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    return { kind: "fault", reason: error.message };
  }
}

/** Resources for a simulated provider on this machine, which speaks OpenAI's API and, for `claude…`, Anthropic's. */
export function simulatedResources(port: number): Source {
  const url = new URL(`http://127.0.0.1:${port}/v1`);
  const shared = { url, key: undefined, headers: [] };
  return {
    name: "<simulated>",
    text: toYaml([
      {
        ...shared,
        name: "anthropic",
        schema: { name: "Anthropic" },
        models: CLAUDE_MODELS,
        listed: [ANTHROPIC_EXAMPLE],
        exampleModel: ANTHROPIC_EXAMPLE,
      },
      {
        ...shared,
        name: "openai",
        schema: { name: "OpenAI" },
        models: ANY_MODEL,
        listed: [OPENAI_EXAMPLE, "text-embedding-3-small"],
        exampleModel: OPENAI_EXAMPLE,
      },
    ]),
  };
}

function providersOf(env: Environment): Provider[] {
  const general = azureProvider(env) ?? openaiProvider(env);
  const anthropic = anthropicProvider(env, general === undefined ? ANY_MODEL : CLAUDE_MODELS);
  return [anthropic, general].filter((provider) => provider !== undefined);
}

function openaiProvider(env: Environment): Provider | undefined {
  if (!isSet(env["OPENAI_API_KEY"])) return undefined;
  const url = urlOf(env, "OPENAI_BASE_URL", "https://api.openai.com/v1");
  const headers = [
    ["OPENAI_ORG_ID", "OpenAI-Organization"],
    ["OPENAI_PROJECT_ID", "OpenAI-Project"],
  ] as const;
  return {
    name: "openai",
    schema: { name: "OpenAI", prefix: prefixOf(url) },
    url,
    key: { type: "APIKey", field: "apiKey", variable: "OPENAI_API_KEY" },
    headers: headers.flatMap(([variable, name]) => (isSet(env[variable]) ? [{ name, value: `\${${variable}}` }] : [])),
    models: ANY_MODEL,
    exampleModel: OPENAI_EXAMPLE,
  };
}

function azureProvider(env: Environment): Provider | undefined {
  if (!isSet(env["AZURE_OPENAI_API_KEY"])) return undefined;
  const missing = ["AZURE_OPENAI_ENDPOINT", "OPENAI_API_VERSION"].filter((variable) => !isSet(env[variable]));
  if (missing.length > 0) {
    throw new SettingError(
      `AZURE_OPENAI_API_KEY needs ${missing.join(" and ")} as well, e.g. ` +
        "AZURE_OPENAI_ENDPOINT=https://NAME.openai.azure.com OPENAI_API_VERSION=2024-10-21",
    );
  }
  const url = urlOf(env, "AZURE_OPENAI_ENDPOINT", "");
  if (prefixOf(url) !== "") {
    throw new SettingError(`AZURE_OPENAI_ENDPOINT must have no path, as in ${url.origin}, not "${url.href}"`);
  }
  return {
    name: "azure-openai",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the variable is replaced when the text is loaded
    schema: { name: "AzureOpenAI", version: "${OPENAI_API_VERSION}" },
    url,
    key: { type: "AzureAPIKey", field: "azureAPIKey", variable: "AZURE_OPENAI_API_KEY" },
    headers: [],
    models: ANY_MODEL,
    exampleModel: OPENAI_EXAMPLE,
  };
}

function anthropicProvider(env: Environment, models: string): Provider | undefined {
  if (!isSet(env["ANTHROPIC_API_KEY"])) return undefined;
  const url = urlOf(env, "ANTHROPIC_BASE_URL", "https://api.anthropic.com/v1");
  // Anthropic's own clients take a base URL without the version, other tools one with it.
  const prefix = prefixOf(url) || "v1";
  return {
    name: "anthropic",
    schema: { name: "Anthropic", prefix },
    url,
    key: { type: "AnthropicAPIKey", field: "anthropicAPIKey", variable: "ANTHROPIC_API_KEY" },
    headers: [],
    models,
    exampleModel: ANTHROPIC_EXAMPLE,
  };
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value.trim() !== "";
}

function urlOf(env: Environment, variable: string, byDefault: string): URL {
  const given = env[variable];
  const text = isSet(given) ? given.trim() : byDefault;
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw new SettingError(`${variable} must be a URL such as https://api.example.com/v1, not "${text}"`);
  }
  if (url.username !== "" || url.search !== "" || url.hash !== "") {
    throw new SettingError(`${variable} must be a plain URL: no user name, query or fragment`);
  }
  return url;
}

function prefixOf(url: URL): string {
  return url.pathname.replace(/^\/+|\/+$/g, "");
}

function toYaml(providers: readonly Provider[]): string {
  return [route(providers), ...providers.flatMap(objectsOf)].map((object) => `---\n${stringify(object)}`).join("");
}

function route(providers: readonly Provider[]): object {
  return {
    apiVersion: "aigateway.envoyproxy.io/v1beta1",
    kind: "AIGatewayRoute",
    metadata: { name: NAME, namespace: NAMESPACE },
    spec: {
      rules: providers.map(({ name, models, listed = [] }) => ({
        matches: [
          ...listed.map((model) => ({ headers: [{ type: "Exact", name: "x-ai-eg-model", value: model }] })),
          { headers: [{ type: "RegularExpression", name: "x-ai-eg-model", value: models }] },
        ],
        backendRefs: [{ name }],
      })),
      llmRequestCosts: [
        { metadataKey: "llm_input_token", type: "InputToken" },
        { metadataKey: "llm_output_token", type: "OutputToken" },
        { metadataKey: "llm_reasoning_token", type: "ReasoningToken" },
      ],
    },
  };
}

function objectsOf({ name, schema, url, key, headers }: Provider): object[] {
  const metadata = { name, namespace: NAMESPACE };
  const backendRef = { group: "gateway.envoyproxy.io", kind: "Backend", name };
  return [
    {
      apiVersion: "aigateway.envoyproxy.io/v1beta1",
      kind: "AIServiceBackend",
      metadata,
      spec: { schema, backendRef, ...(headers.length > 0 && { headerMutation: { set: headers } }) },
    },
    {
      apiVersion: "gateway.envoyproxy.io/v1alpha1",
      kind: "Backend",
      metadata,
      spec: { endpoints: [endpoint(url)] },
    },
    ...(url.protocol === "https:" ? [tlsPolicy(name, url)] : []),
    ...(key === undefined ? [] : credentials(name, key)),
  ];
}

function endpoint({ hostname, port, protocol }: URL): object {
  const portNumber = port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
  const address = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  const isIp = address.includes(":") || /^[\d.]+$/.test(address);
  return isIp ? { ip: { address, port: portNumber } } : { fqdn: { hostname, port: portNumber } };
}

function tlsPolicy(name: string, { hostname }: URL): object {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "BackendTLSPolicy",
    metadata: { name, namespace: NAMESPACE },
    spec: {
      targetRefs: [{ group: "gateway.envoyproxy.io", kind: "Backend", name }],
      validation: { wellKnownCACertificates: "System", hostname },
    },
  };
}

function credentials(name: string, { type, field, variable }: NonNullable<Provider["key"]>): object[] {
  const secret = `${name}-apikey`;
  return [
    {
      apiVersion: "aigateway.envoyproxy.io/v1beta1",
      kind: "BackendSecurityPolicy",
      metadata: { name: secret, namespace: NAMESPACE },
      spec: {
        targetRefs: [{ group: "aigateway.envoyproxy.io", kind: "AIServiceBackend", name }],
        type,
        [field]: { secretRef: { name: secret } },
      },
    },
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name: secret,
        namespace: NAMESPACE,
        annotations: { "substitution.aigw.run/env/apiKey": variable },
      },
      type: "Opaque",
    },
  ];
}
