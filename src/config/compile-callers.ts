/** Who may call which route: what SecurityPolicies and GatewayKeys say. */
import type { AIGatewayRoute } from "../resources/ai-gateway-route.ts";
import { durationMs } from "../resources/duration.ts";
import { idOf } from "../resources/field-path.ts";
import type { Gateway } from "../resources/gateway.ts";
import type { GatewayKey as WrittenKey } from "../resources/gateway-key.ts";
import { targetsOf } from "../resources/policy-target.ts";
import type { FieldPath } from "../resources/resource.ts";
import type { SecurityPolicy } from "../resources/security-policy.ts";
import type { ApiKeyAuth, CallerAuth, CredentialPlaces, GatewayKey, TokenAuth } from "./callers.ts";
import type { Compilation } from "./compilation.ts";
import type { References } from "./references.ts";
import { Secret } from "./secret.ts";
import { isTarget } from "./traffic-policies.ts";

const POLICY = { group: "gateway.envoyproxy.io", kind: "SecurityPolicy" };
const BEARER = "Bearer ";
/** How long fetched keys are good for unless the policy says (Envoy Gateway's default). */
const CACHE_MS = 300_000;
/** Where a token is unless the policy says
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/jwt_authn_filter). */
const TOKEN_PLACES: CredentialPlaces = {
  headers: [{ name: "authorization", prefix: BEARER }],
  queryParams: ["access_token"],
  cookies: [],
};

type ApiKeySpec = NonNullable<SecurityPolicy["spec"]["apiKeyAuth"]>;
type Provider = NonNullable<SecurityPolicy["spec"]["jwt"]>["providers"][number];
type Compiled = Omit<CallerAuth, "keys">;

const NO_POLICY: Compiled = { apiKeys: [], tokens: [], optional: false };

/** Compiles every policy and key once, and finds those of a route. */
export class Callers {
  readonly #compilation: Compilation;
  readonly #references: References;
  readonly #closed: boolean;
  readonly #policies: ReadonlyMap<SecurityPolicy, Compiled>;
  readonly #keys: readonly { readonly namespace: string; readonly key: GatewayKey }[];
  readonly #keyLists = new Map<string, readonly GatewayKey[]>();

  /** @param closed Whether a route of which nothing says who may call it is for nobody, instead of for everybody. */
  constructor(compilation: Compilation, references: References, closed: boolean) {
    this.#compilation = compilation;
    this.#references = references;
    this.#closed = closed;
    const { set } = compilation;
    this.#policies = new Map(set.ofKind("SecurityPolicy").map((policy) => [policy, this.#compile(policy)]));
    this.#keys = set.ofKind("GatewayKey").map((key) => ({ namespace: key.metadata.namespace, key: compileKey(key) }));
    this.#checkHashes(set.ofKind("GatewayKey"));
  }

  /** Who may call a route; undefined = everybody. */
  of(route: AIGatewayRoute, gateway: Gateway | undefined): CallerAuth | undefined {
    const policy =
      this.#policyFor(route, ["HTTPRoute", "AIGatewayRoute"]) ?? (gateway && this.#policyFor(gateway, ["Gateway"]));
    // Keys beside the Gateway are for all its routes.
    const keys = this.#keysIn([route.metadata.namespace, gateway?.metadata.namespace]);
    if (policy === undefined && keys.length === 0 && !this.#closed) return undefined;
    return { ...(policy ?? NO_POLICY), keys };
  }

  /** One list for all routes that have the same keys: there may be many of both. */
  #keysIn(namespaces: readonly (string | undefined)[]): readonly GatewayKey[] {
    const id = namespaces.join(" ");
    const known = this.#keyLists.get(id);
    if (known !== undefined) return known;
    const keys = this.#keys.filter(({ namespace }) => namespaces.includes(namespace)).map(({ key }) => key);
    this.#keyLists.set(id, keys);
    return keys;
  }

  #policyFor(object: AIGatewayRoute | Gateway, kinds: readonly string[]): Compiled | undefined {
    for (const [{ metadata, spec }, compiled] of this.#policies) {
      const isFor = targetsOf(spec).some(({ ref }) => isTarget(ref, metadata.namespace, object, kinds));
      if (isFor) return compiled;
    }
    return undefined;
  }

  #compile(policy: SecurityPolicy): Compiled {
    this.#checkTargets(policy);
    const { apiKeyAuth, jwt } = policy.spec;
    return {
      apiKeys: apiKeyAuth === undefined ? [] : [this.#apiKeys(policy, apiKeyAuth)],
      tokens: (jwt?.providers ?? []).map((provider, index) =>
        this.#tokens(policy, provider, ["spec", "jwt", "providers", index]),
      ),
      optional: jwt?.optional ?? false,
    };
  }

  /** What a policy is for must be there: one that is for nothing leaves everything open. */
  #checkTargets(policy: SecurityPolicy): void {
    for (const { ref, path } of targetsOf(policy.spec)) {
      const { kind, name, namespace, sectionName } = ref;
      if (kind !== "Gateway" && kind !== "HTTPRoute" && kind !== "AIGatewayRoute") {
        this.#compilation.notice(policy, path, `a target of kind ${kind} is not applied by this gateway`);
        continue;
      }
      const known = kind === "Gateway" ? kind : "AIGatewayRoute";
      this.#references.resolve({ from: policy, path, kind: known, name, namespace });
      if (sectionName === undefined) continue;
      const reason = "is not applied by this gateway: the policy is for the whole route or Gateway";
      this.#compilation.notice(policy, [...path, "sectionName"], reason);
    }
  }

  #apiKeys(policy: SecurityPolicy, { credentialRefs, extractFrom, forwardClientIDHeader }: ApiKeySpec): ApiKeyAuth {
    const clients = credentialRefs.flatMap(({ name, namespace }, index) => {
      const path = ["spec", "apiKeyAuth", "credentialRefs", index];
      const grantedTo = [POLICY];
      const secret = this.#references.resolve({ from: policy, path, kind: "Secret", name, namespace, grantedTo });
      return Object.entries(secret?.spec.data ?? {}).map(([id, key]) => ({ id, key: new Secret(key.trim()) }));
    });
    return {
      policy: idOf(policy),
      places: {
        headers: extractFrom.flatMap(({ headers = [] }) => headers).map(keyHeader),
        queryParams: extractFrom.flatMap(({ params = [] }) => params),
        cookies: extractFrom.flatMap(({ cookies = [] }) => cookies),
      },
      clients,
      clientIdHeader: forwardClientIDHeader?.toLowerCase(),
    };
  }

  #tokens(policy: SecurityPolicy, provider: Provider, path: FieldPath): TokenAuth {
    const { name, issuer, audiences = [], remoteJWKS, claimToHeaders = [], extractFrom } = provider;
    return {
      policy: idOf(policy),
      provider: name,
      issuer: issuer || undefined,
      audiences,
      keySet:
        remoteJWKS === undefined
          ? { from: "inline", jwks: this.#localKeys(policy, provider, [...path, "localJWKS"]) }
          : {
              from: "remote",
              uri: remoteJWKS.uri,
              cacheMs: durationMs(remoteJWKS.cacheDuration ?? "") ?? CACHE_MS,
            },
      places: extractFrom === undefined ? TOKEN_PLACES : tokenPlaces(extractFrom),
      claimHeaders: claimToHeaders.map(({ header, claim }) => ({ header: header.toLowerCase(), claim })),
    };
  }

  /** Text of a key set that stands in the policy or in a ConfigMap; a fault where it is none. */
  #localKeys(policy: SecurityPolicy, { localJWKS }: Provider, path: FieldPath): string {
    // That there is none has been told.
    if (localJWKS === undefined) return "";
    const { inline, valueRef } = localJWKS;
    const at = [...path, valueRef === undefined ? "inline" : "valueRef"];
    let text = inline ?? "";
    if (valueRef !== undefined) {
      const { name } = valueRef;
      const found = this.#references.resolve({ from: policy, path: at, kind: "ConfigMap", name, namespace: undefined });
      if (found === undefined) return "";
      const { data = {} } = found.spec;
      text = data["jwks"] ?? Object.values(data)[0] ?? "";
    }
    if (!isKeySet(text)) this.#compilation.fault(policy, at, 'is no JSON Web Key Set: {"keys": […]}');
    return text;
  }

  /** One key in two hands could be neither told apart nor revoked. */
  #checkHashes(keys: readonly WrittenKey[]): void {
    const firsts = new Map<string, WrittenKey>();
    for (const key of keys) {
      for (const [index, { sha256 }] of key.spec.hashes.entries()) {
        const first = firsts.get(sha256);
        firsts.set(sha256, first ?? key);
        if (first === undefined) continue;
        this.#compilation.fault(key, ["spec", "hashes", index, "sha256"], `is also that of GatewayKey ${idOf(first)}`);
      }
    }
  }
}

/** In the header for it a key follows its scheme, elsewhere it stands alone. */
function keyHeader(name: string): { name: string; prefix: string } {
  const lower = name.toLowerCase();
  return { name: lower, prefix: lower === "authorization" ? BEARER : "" };
}

function tokenPlaces({
  headers = [],
  cookies = [],
  params = [],
}: NonNullable<Provider["extractFrom"]>): CredentialPlaces {
  return {
    headers: headers.map(({ name, valuePrefix = "" }) => ({ name: name.toLowerCase(), prefix: valuePrefix })),
    queryParams: params,
    cookies,
  };
}

function isKeySet(text: string): boolean {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null || !("keys" in parsed)) return false;
    return Array.isArray(parsed.keys) && parsed.keys.every((key) => typeof key === "object" && key !== null);
  } catch {
    // Not even JSON.
    return false;
  }
}

function compileKey({ metadata, spec }: WrittenKey): GatewayKey {
  const { owner, team, user, attributes = {} } = spec;
  const named = Object.entries({ ...attributes, owner, team, user }).filter(([, value]) => value !== undefined);
  return {
    id: idOf({ metadata }),
    secrets: spec.hashes.map(({ sha256, expiresAt }) => ({ sha256, expiresAtMs: timeMs(expiresAt) })),
    revoked: spec.revoked,
    expiresAtMs: timeMs(spec.expiresAt),
    attributes: Object.fromEntries(named) as Record<string, string>,
    models: spec.models ?? [],
  };
}

function timeMs(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time);
}
