/** Which Gateway is served, on which ports, and which routes are attached to it under which hostnames. */
import type { AIGatewayRoute } from "../resources/ai-gateway-route.ts";
import { idOf } from "../resources/field-path.ts";
import type { Gateway, GatewayListener } from "../resources/gateway.ts";
import type { FieldPath } from "../resources/resource.ts";
import { didYouMean } from "../resources/suggest.ts";
import type { Compilation } from "./compilation.ts";
import { sharedHostnames, unitedHostnames } from "./hostnames.ts";
import { DEFAULT_PORT, servedListeners } from "./listeners.ts";
import type { References } from "./references.ts";

type ParentRef = NonNullable<AIGatewayRoute["spec"]["parentRefs"]>[number];

/** A parentRef whose Gateway is there. */
interface Parent {
  readonly gateway: Gateway;
  readonly ref: ParentRef;
  readonly path: FieldPath;
}

/** The hostnames under which a route is served at each port it is served at; no hostname = every host. */
export type PortHostnames = ReadonlyMap<number, readonly string[]>;

const NOWHERE: PortHostnames = new Map();

/** Knows the served Gateway and attaches routes to it. */
export class Attachment {
  /** Undefined when there is none at all: then the default listener takes every route. */
  readonly gateway: Gateway | undefined;
  /** Those of its listeners that can be served. */
  readonly listeners: readonly GatewayListener[];
  readonly #compilation: Compilation;
  readonly #references: References;

  constructor(compilation: Compilation, references: References) {
    this.#compilation = compilation;
    this.#references = references;
    this.gateway = this.#servedGateway();
    this.listeners = this.gateway === undefined ? [] : servedListeners(this.gateway, compilation);
  }

  /** Where a route is served; no port when it is attached nowhere, which its status tells then. */
  portsOf(route: AIGatewayRoute): PortHostnames {
    const { hostnames = [], parentRefs = [] } = route.spec;
    const parents = parentRefs.flatMap((ref, index) => {
      const path = ["spec", "parentRefs", index];
      const gateway = this.#references.resolve({
        from: route,
        path,
        kind: "Gateway",
        name: ref.name,
        namespace: ref.namespace,
      });
      return gateway === undefined ? [] : [{ gateway, ref, path }];
    });
    if (this.gateway === undefined) return parentRefs.length === 0 ? new Map([[DEFAULT_PORT, hostnames]]) : NOWHERE;
    const listeners = parentRefs.length === 0 ? this.#defaultListeners(route) : this.#parentListeners(route, parents);
    // What keeps it from its parents has been told.
    if (listeners.length === 0) return NOWHERE;
    return this.#hostnamesAt(route, listeners);
  }

  #parentListeners(route: AIGatewayRoute, parents: readonly Parent[]): GatewayListener[] {
    const others = parents.filter(({ gateway }) => gateway !== this.gateway);
    const listeners = parents
      .filter(({ gateway }) => gateway === this.gateway)
      .flatMap(({ gateway, ref, path }) => this.#listenersOf(route, gateway, ref, path));
    // The references within the other parents are still checked.
    for (const { gateway, ref, path } of others) this.#listenersOf(route, gateway, ref, path);
    if (listeners.length === 0) {
      for (const { gateway } of others) {
        this.#compilation.refuse(route, `Gateway ${idOf(gateway)} is not served by this process`);
      }
    }
    return listeners;
  }

  /** One process serves one Gateway: the first that a route names, else the first of all. */
  #servedGateway(): Gateway | undefined {
    const { set } = this.#compilation;
    const gateways = set.ofKind("Gateway");
    const isNamed = ({ metadata }: Gateway) =>
      set
        .ofKind("AIGatewayRoute")
        .some((route) =>
          (route.spec.parentRefs ?? []).some(
            ({ name, namespace = route.metadata.namespace }) =>
              name === metadata.name && namespace === metadata.namespace,
          ),
        );
    const served = gateways.find(isNamed) ?? gateways[0];
    for (const gateway of gateways) {
      this.#checkClass(gateway);
      if (served === undefined || gateway === served) continue;
      this.#compilation.refuse(gateway, `one process serves one Gateway, and that is ${idOf(served)}`);
    }
    return served;
  }

  /** The class may well be defined elsewhere; where some are given, it should be one of them. */
  #checkClass(gateway: Gateway): void {
    const classes = this.#compilation.set.ofKind("GatewayClass").map(({ metadata }) => metadata.name);
    const { gatewayClassName } = gateway.spec;
    if (classes.length === 0 || classes.includes(gatewayClassName)) return;
    if (this.#compilation.set.isBroken("GatewayClass", "", gatewayClassName)) return;
    const hint = didYouMean(gatewayClassName, classes) || `; there is ${classes.join(", ")}`;
    this.#compilation.fault(
      gateway,
      ["spec", "gatewayClassName"],
      `there is no GatewayClass ${gatewayClassName}${hint}`,
    );
  }

  /** A route without parents belongs to the only Gateway. */
  #defaultListeners(route: AIGatewayRoute): GatewayListener[] {
    const gateways = this.#compilation.set.ofKind("Gateway");
    const [only] = gateways;
    if (only === undefined) return [];
    if (gateways.length === 1) return this.#listenersOf(route, only, {}, ["spec"]);
    const names = gateways.map(({ metadata }) => metadata.name).join(", ");
    this.#compilation.fault(
      route,
      ["spec"],
      `parentRefs is required where there are several Gateways; name one of ${names}`,
    );
    return [];
  }

  /** The served listeners of a Gateway that a parentRef means and that let the route in. */
  #listenersOf(
    route: AIGatewayRoute,
    gateway: Gateway,
    { sectionName, port }: Pick<ParentRef, "sectionName" | "port">,
    path: FieldPath,
  ): GatewayListener[] {
    const { listeners } = gateway.spec;
    if (sectionName !== undefined && !listeners.some(({ name }) => name === sectionName)) {
      const names = listeners.map(({ name }) => name);
      const hint = didYouMean(sectionName, names) || `; there is ${names.join(", ")}`;
      const reason = `Gateway ${idOf(gateway)} has no listener ${sectionName}${hint}`;
      this.#compilation.fault(route, [...path, "sectionName"], reason);
      return [];
    }
    if (port !== undefined && !listeners.some((listener) => listener.port === port)) {
      const ports = [...new Set(listeners.map((listener) => listener.port))].join(", ");
      const reason = `Gateway ${idOf(gateway)} has no listener on port ${port}; there is ${ports}`;
      this.#compilation.fault(route, [...path, "port"], reason);
      return [];
    }
    const meant = listeners.filter(
      (listener) =>
        (sectionName === undefined || listener.name === sectionName) && (port === undefined || listener.port === port),
    );
    const admitting = meant.filter((listener) => isAdmitted(route, gateway, listener));
    if (admitting.length === 0) {
      this.#compilation.refuse(route, `no listener of Gateway ${idOf(gateway)} allows routes like it (allowedRoutes)`);
    }
    // A Gateway that is not served says so itself.
    const served =
      gateway === this.gateway ? admitting.filter((listener) => this.listeners.includes(listener)) : admitting;
    if (admitting.length > 0 && served.length === 0) {
      this.#compilation.refuse(route, `no listener of Gateway ${idOf(gateway)} that it is attached to is served`);
    }
    return served;
  }

  /** Hostnames by port; no port when the route and its listeners share none. */
  #hostnamesAt(route: AIGatewayRoute, listeners: readonly GatewayListener[]): PortHostnames {
    const byPort = new Map<number, readonly string[]>();
    for (const { port, hostname } of listeners) {
      const shared = sharedHostnames(route.spec.hostnames ?? [], hostname);
      if (shared === undefined) continue;
      byPort.set(port, unitedHostnames([byPort.get(port) ?? shared, shared]));
    }
    if (byPort.size === 0) {
      this.#compilation.refuse(route, "no listener it is attached to is served under one of its hostnames");
    }
    return byPort;
  }
}

/** Whether `allowedRoutes` lets a route in; what labels namespaces have is not known here, so a selector selects none. */
function isAdmitted(route: AIGatewayRoute, gateway: Gateway, { allowedRoutes }: GatewayListener): boolean {
  const from = allowedRoutes?.namespaces?.from ?? "Same";
  const kinds = allowedRoutes?.kinds;
  // In a cluster the route becomes an HTTPRoute.
  if (kinds !== undefined && !kinds.some(({ kind }) => kind === "HTTPRoute")) return false;
  return from === "All" || (from === "Same" && route.metadata.namespace === gateway.metadata.namespace);
}
