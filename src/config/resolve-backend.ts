/** From an AIServiceBackend to everything an attempt needs to know of it. */
import type { AIServiceBackend } from "../resources/ai-service-backend.ts";
import { idOf } from "../resources/field-path.ts";
import type { Compilation } from "./compilation.ts";
import type { References } from "./references.ts";
import type { Credentials } from "./resolve-auth.ts";
import type { Upstreams } from "./resolve-upstream.ts";
import type { Backend, SchemaName } from "./runtime-config.ts";

const BACKEND_GRANTEES = [
  { group: "aigateway.envoyproxy.io", kind: "AIServiceBackend" },
  // In a cluster it is the generated HTTPRoute that refers to the Backend, so that is what grants name there.
  { group: "gateway.networking.k8s.io", kind: "HTTPRoute" },
];

/** What backends are resolved with. */
interface BackendContext {
  readonly compilation: Compilation;
  readonly references: References;
  readonly credentials: Credentials;
  readonly upstreams: Upstreams;
  /** Undefined = all. */
  readonly servedSchemas: ReadonlySet<SchemaName> | undefined;
}

/** Resolves each AIServiceBackend once, however many rules use it, so that each fault is told once. */
export class Backends {
  readonly #context: BackendContext;
  readonly #resolved: ReadonlyMap<AIServiceBackend, Backend | undefined>;

  constructor(context: BackendContext) {
    this.#context = context;
    const backends = context.compilation.set.ofKind("AIServiceBackend");
    this.#resolved = new Map(backends.map((backend) => [backend, this.#resolve(backend)]));
  }

  /** Undefined when it cannot be called. */
  get(backend: AIServiceBackend): Backend | undefined {
    return this.#resolved.get(backend);
  }

  #resolve(resource: AIServiceBackend): Backend | undefined {
    const { compilation, references, credentials, upstreams, servedSchemas } = this.#context;
    const { schema, backendRef } = resource.spec;
    if (servedSchemas?.has(schema.name) === false) {
      compilation.refuse(
        resource,
        `schema ${schema.name} is not supported yet; supported are ${[...servedSchemas].join(", ")}`,
      );
    }
    const backend = references.resolve({
      from: resource,
      path: ["spec", "backendRef"],
      kind: "Backend",
      name: backendRef.name,
      namespace: backendRef.namespace,
      grantedTo: BACKEND_GRANTEES,
    });
    if (backend === undefined) return undefined;
    if (backend.spec.type === "DynamicResolver") {
      compilation.refuse(resource, `Backend ${idOf(backend)} of type DynamicResolver is not supported yet`);
      return undefined;
    }
    const upstream = upstreams.resolve(backend);
    if (upstream === undefined) return undefined;
    credentials.checkAuthorities(
      resource,
      upstream.endpoints.map(({ authority }) => authority),
    );
    return {
      id: idOf(resource),
      schema: { name: schema.name, prefix: schema.prefix, version: schema.version },
      upstream,
      auth: credentials.of(resource),
    };
  }
}
