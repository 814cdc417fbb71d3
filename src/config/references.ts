import { idOf } from "../resources/field-path.ts";
import type { FieldPath, Resource } from "../resources/resource.ts";
import type { KindName, ResourceSet, TypeOfKind } from "../resources/resource-set.ts";
import { suggest } from "../resources/suggest.ts";
import type { Compilation } from "./compilation.ts";

/** A reference as it stands in an object. */
export interface Reference<Kind extends KindName> {
  /** The object that refers. */
  readonly from: Resource<unknown>;
  /** Way to the reference, which has a field `name` unless it is nothing but the name. */
  readonly path: FieldPath;
  readonly isBareName?: boolean;
  readonly kind: Kind;
  readonly name: string;
  /** Undefined = that of the object. */
  readonly namespace: string | undefined;
  /** Kinds to which a ReferenceGrant may give the permission; absent where references cross namespaces freely. */
  readonly grantedTo?: readonly GroupKind[];
}

/** A kind with its group, as ReferenceGrants name it. */
export interface GroupKind {
  readonly group: string;
  readonly kind: string;
}

const GROUPS: Record<KindName, string> = {
  AIGatewayRoute: "aigateway.envoyproxy.io",
  AIServiceBackend: "aigateway.envoyproxy.io",
  BackendSecurityPolicy: "aigateway.envoyproxy.io",
  GatewayConfig: "aigateway.envoyproxy.io",
  QuotaPolicy: "aigateway.envoyproxy.io",
  BudgetPolicy: "aigw.dev",
  GatewayKey: "aigw.dev",
  SecurityPolicy: "gateway.envoyproxy.io",
  Backend: "gateway.envoyproxy.io",
  BackendTrafficPolicy: "gateway.envoyproxy.io",
  ClientTrafficPolicy: "gateway.envoyproxy.io",
  GatewayClass: "gateway.networking.k8s.io",
  Gateway: "gateway.networking.k8s.io",
  BackendTLSPolicy: "gateway.networking.k8s.io",
  ReferenceGrant: "gateway.networking.k8s.io",
  Secret: "",
  ConfigMap: "",
};

/** Finds the objects that references name; what they do not find is a fault at its place. */
export class References {
  readonly #compilation: Compilation;
  readonly #byKind = new Map<KindName, ReadonlyMap<string, Resource<unknown>>>();

  constructor(compilation: Compilation) {
    this.#compilation = compilation;
  }

  /** The object a reference names; undefined, after a fault, when there is none or it may not be used. */
  resolve<Kind extends KindName>(reference: Reference<Kind>): TypeOfKind[Kind] | undefined {
    const { from, path, kind, name } = reference;
    const namespace = reference.namespace ?? from.metadata.namespace;
    const found = this.#objects(kind).get(`${namespace}/${name}`);
    if (found === undefined) {
      if (!this.#compilation.set.isBroken(kind, namespace, name)) {
        const hint = this.#hint(kind, namespace, name);
        const at = reference.isBareName ? path : [...path, "name"];
        this.#compilation.fault(from, at, `there is no ${kind} ${namespace}/${name}${hint}`);
      }
      return undefined;
    }
    if (!this.#isPermitted(reference, namespace)) return undefined;
    // The map of a kind holds objects of that kind.
    return found as TypeOfKind[Kind];
  }

  #objects(kind: KindName): ReadonlyMap<string, Resource<unknown>> {
    const known = this.#byKind.get(kind);
    if (known !== undefined) return known;
    const objects = new Map(this.#compilation.set.ofKind(kind).map((resource) => [idOf(resource), resource]));
    this.#byKind.set(kind, objects);
    return objects;
  }

  #hint(kind: KindName, namespace: string, name: string): string {
    const objects = [...this.#objects(kind).values()].map((resource) => resource.metadata);
    const elsewhere = objects.find((other) => other.name === name);
    if (elsewhere !== undefined) return `; there is one in the namespace ${elsewhere.namespace}`;
    const names = objects.filter((other) => other.namespace === namespace).map((other) => other.name);
    const meant = suggest(name, names);
    if (meant !== undefined) return `; did you mean "${meant}"?`;
    return names.length === 0 ? "" : `; there is ${names.slice(0, NAMES_MAX).join(", ")}`;
  }

  /** Whether the namespace of the object referred to lets others refer to it; a fault says what would permit it. */
  #isPermitted({ from, path, kind, name, grantedTo }: Reference<KindName>, namespace: string): boolean {
    const own = from.metadata.namespace;
    if (grantedTo === undefined || namespace === own) return true;
    const { set } = this.#compilation;
    if (grantedTo.some((grantee) => isGranted(set, grantee, own, { kind, namespace, name }))) return true;
    const [grantee = { group: "", kind: from.kind }] = grantedTo;
    this.#compilation.fault(
      from,
      [...path, "namespace"],
      `${kind} ${namespace}/${name} may not be used from the namespace ${own}: add a ReferenceGrant to the namespace ` +
        `${namespace} with from {group: ${grantee.group}, kind: ${grantee.kind}, namespace: ${own}} ` +
        `and to {group: ${JSON.stringify(GROUPS[kind])}, kind: ${kind}}`,
    );
    return false;
  }
}

/** Names listed where none is near. */
const NAMES_MAX = 5;

function isGranted(
  set: ResourceSet,
  grantee: GroupKind,
  fromNamespace: string,
  target: { kind: KindName; namespace: string; name: string },
): boolean {
  return set.ofKind("ReferenceGrant").some(({ metadata, spec }) => {
    if (metadata.namespace !== target.namespace) return false;
    const from = spec.from.some(
      ({ group, kind, namespace }) => group === grantee.group && kind === grantee.kind && namespace === fromNamespace,
    );
    const to = spec.to.some(
      ({ group, kind, name }) =>
        group === GROUPS[target.kind] && kind === target.kind && (name === undefined || name === target.name),
    );
    return from && to;
  });
}
