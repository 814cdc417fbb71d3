/** Which credentials a backend is called with. */
import type { AIServiceBackend } from "../resources/ai-service-backend.ts";
import type { BackendSecurityPolicy } from "../resources/backend-security-policy.ts";
import { idOf } from "../resources/field-path.ts";
import type { FieldPath } from "../resources/resource.ts";
import type { BackendAuth } from "./backend-auth.ts";
import type { Compilation } from "./compilation.ts";
import type { References } from "./references.ts";
import { PolicyReader } from "./resolve-credentials.ts";

/** A policy with what came of its credentials. */
interface Resolved {
  readonly policy: BackendSecurityPolicy;
  /** Undefined after a fault. */
  readonly auth: BackendAuth | undefined;
}

/** Resolves every policy once and finds those of a backend. */
export class Credentials {
  readonly #compilation: Compilation;
  readonly #references: References;
  readonly #reader: PolicyReader;
  /** By `namespace/name` of the AIServiceBackend. */
  readonly #byBackend = new Map<string, Resolved>();

  constructor(compilation: Compilation, references: References) {
    this.#compilation = compilation;
    this.#references = references;
    this.#reader = new PolicyReader(compilation, references);
    for (const policy of compilation.set.ofKind("BackendSecurityPolicy")) this.#add(policy);
  }

  /** How the gateway authenticates to a backend; what has a fault is not served. */
  of(backend: AIServiceBackend): BackendAuth {
    return this.#byBackend.get(idOf(backend))?.auth ?? { type: "none" };
  }

  /** A signature holds for one host: a backend whose requests are signed for may have no others. */
  checkAuthorities(backend: AIServiceBackend, authorities: readonly string[]): void {
    const resolved = this.#byBackend.get(idOf(backend));
    if (resolved?.auth?.type !== "AWSCredentials" || new Set(authorities).size < 2) return;
    const reason =
      `the endpoints of AIServiceBackend ${idOf(backend)} have different hosts (${authorities.join(", ")}), and AWS ` +
      "signatures hold for one; make a Backend of each, or give all of them the same hostname";
    this.#compilation.fault(resolved.policy, ["spec", "awsCredentials"], reason);
  }

  #add(policy: BackendSecurityPolicy): void {
    const resolved = { policy, auth: this.#reader.authOf(policy) };
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
}
