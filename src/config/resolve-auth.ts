/** Which credentials a backend is called with. */
import type { AIServiceBackend } from "../resources/ai-service-backend.ts";
import type { BackendSecurityPolicy } from "../resources/backend-security-policy.ts";
import { idOf } from "../resources/field-path.ts";
import type { FieldPath } from "../resources/resource.ts";
import type { SecretRef } from "../resources/schema.ts";
import { didYouMean } from "../resources/suggest.ts";
import type { Compilation } from "./compilation.ts";
import type { References } from "./references.ts";
import type { BackendAuth, CredentialOverride, KeyAuth } from "./runtime-config.ts";
import { Secret } from "./secret.ts";

const POLICY = { group: "aigateway.envoyproxy.io", kind: "BackendSecurityPolicy" };

/** Where each kind of key is configured, and the request header that may carry another one unless a name is given. */
const KEYS = {
  APIKey: { field: "apiKey", header: "x-aigw-api-key" },
  AzureAPIKey: { field: "azureAPIKey", header: "x-aigw-azure-api-key" },
  AnthropicAPIKey: { field: "anthropicAPIKey", header: "x-aigw-anthropic-api-key" },
} as const satisfies Record<KeyAuth["type"], { field: keyof BackendSecurityPolicy["spec"]; header: string }>;

/** A policy with what came of its credentials. */
interface Resolved {
  readonly policy: BackendSecurityPolicy;
  readonly auth: BackendAuth;
}

/** Resolves every policy once and finds those of a backend. */
export class Credentials {
  readonly #compilation: Compilation;
  readonly #references: References;
  /** By `namespace/name` of the AIServiceBackend. */
  readonly #byBackend = new Map<string, Resolved>();

  constructor(compilation: Compilation, references: References) {
    this.#compilation = compilation;
    this.#references = references;
    for (const policy of compilation.set.ofKind("BackendSecurityPolicy")) this.#add(policy);
  }

  /** How the gateway authenticates to a backend. */
  of(backend: AIServiceBackend): BackendAuth {
    return this.#byBackend.get(idOf(backend))?.auth ?? { type: "none" };
  }

  #add(policy: BackendSecurityPolicy): void {
    const resolved = { policy, auth: this.#resolve(policy) };
    const { targetRefs = [] } = policy.spec;
    if (targetRefs.length === 0) {
      this.#compilation.notice(policy, ["spec"], "has no targetRefs, so that no backend is called with it");
    }
    for (const [index, ref] of targetRefs.entries()) {
      const path = ["spec", "targetRefs", index];
      if (ref.kind === "InferencePool") {
        this.#compilation.refuse(policy, "InferencePool targets are not supported yet");
        continue;
      }
      const target = { from: policy, path, kind: "AIServiceBackend", name: ref.name, namespace: undefined } as const;
      const backend = this.#references.resolve(target);
      if (backend !== undefined) this.#attach(resolved, backend, path);
    }
  }

  #attach(resolved: Resolved, backend: AIServiceBackend, path: FieldPath): void {
    const first = this.#byBackend.get(idOf(backend));
    if (first === undefined) {
      this.#byBackend.set(idOf(backend), resolved);
      return;
    }
    const reason =
      first.policy === resolved.policy
        ? "is named twice; remove one"
        : `AIServiceBackend ${idOf(backend)} already has the BackendSecurityPolicy ${idOf(first.policy)}; remove one of them`;
    this.#compilation.fault(resolved.policy, path, reason);
  }

  #resolve(policy: BackendSecurityPolicy): BackendAuth {
    const { spec } = policy;
    switch (spec.type) {
      case "APIKey":
      case "AzureAPIKey":
      case "AnthropicAPIKey":
        return this.#resolveKey(policy, spec.type);
      case "AWSCredentials":
      case "AzureCredentials":
      case "GCPCredentials":
        this.#checkUnsupported(policy);
        this.#compilation.refuse(policy, `credentials of type ${spec.type} are not supported yet`);
        return { type: "unsupported", policyType: spec.type };
    }
  }

  #resolveKey(policy: BackendSecurityPolicy, type: KeyAuth["type"]): BackendAuth {
    const { field, header } = KEYS[type];
    const ref = policy.spec[field]?.secretRef;
    const key = ref && this.#secretValue(policy, ["spec", field, "secretRef"], ref, "apiKey");
    const override = policy.spec.credentialOverride;
    if (override?.fromDynamicMetadata !== undefined) {
      // Calling with the configured key instead would spend it for callers that were to bring their own.
      this.#compilation.refuse(policy, "credentialOverride.fromDynamicMetadata is not supported yet");
      return { type: "unsupported", policyType: "credentialOverride.fromDynamicMetadata" };
    }
    return {
      type,
      key: key === undefined ? undefined : new Secret(key),
      override: override?.fromRequestHeaders && fromHeaders(override.fromRequestHeaders, header),
    };
  }

  /** References must lead somewhere even where what they lead to is not used. */
  #checkUnsupported(policy: BackendSecurityPolicy): void {
    const { awsCredentials, azureCredentials, gcpCredentials } = policy.spec;
    const refs: [ref: SecretRef | undefined, path: FieldPath, key: string][] = [
      [awsCredentials?.credentialsFile?.secretRef, ["awsCredentials", "credentialsFile", "secretRef"], "credentials"],
      [azureCredentials?.clientSecretRef, ["azureCredentials", "clientSecretRef"], "client-secret"],
      [
        gcpCredentials?.credentialsFile?.secretRef,
        ["gcpCredentials", "credentialsFile", "secretRef"],
        "service_account.json",
      ],
    ];
    for (const [ref, path, key] of refs) {
      if (ref !== undefined) this.#secretValue(policy, ["spec", ...path], ref, key);
    }
  }

  #secretValue(from: BackendSecurityPolicy, path: FieldPath, ref: SecretRef, key: string): string | undefined {
    if ((ref.group ?? "") !== "" || (ref.kind ?? "Secret") !== "Secret") {
      this.#compilation.fault(from, path, "must refer to a Secret; leave out group and kind");
      return undefined;
    }
    const { name, namespace } = ref;
    const secret = this.#references.resolve({ from, path, kind: "Secret", name, namespace, grantedTo: [POLICY] });
    if (secret === undefined) return undefined;
    const { data, faultyKeys } = secret.spec;
    if (faultyKeys.includes(key)) return undefined;
    const value = Object.hasOwn(data, key) ? data[key] : undefined;
    if (value === undefined) {
      const hint = didYouMean(key, Object.keys(data)) || `; put the credential under it`;
      this.#compilation.fault(from, [...path, "name"], `Secret ${idOf(secret)} has no key ${key}${hint}`);
    } else if (value.trim() === "") {
      this.#compilation.fault(from, [...path, "name"], `the key ${key} of Secret ${idOf(secret)} is empty`);
    }
    return value;
  }
}

function fromHeaders(
  { header, fallbackToConfigured }: { header?: string; fallbackToConfigured: boolean },
  byDefault: string,
): CredentialOverride {
  return { header: (header ?? byDefault).toLowerCase(), fallbackToConfigured };
}
