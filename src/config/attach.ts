/** Which Gateway is served, on which ports, and which routes are attached to it under which hostnames. */
import type { AIGatewayRoute } from "../resources/ai-gateway-route.ts";
import { idOf } from "../resources/field-path.ts";
import type { Gateway, GatewayListener } from "../resources/gateway.ts";
import type { FieldPath } from "../resources/resource.ts";
import { didYouMean } from "../resources/suggest.ts";
import type { Compilation } from "./compilation.ts";
import { sharedHostnames } from "./hostnames.ts";
import type { References } from "./references.ts";
import type { Listener } from "./runtime-config.ts";
import { BODY_BYTES_MAX, bodyBytesMax } from "./traffic-policies.ts";

/** Port on which a configuration without Gateway is served. */
export const DEFAULT_PORT = 1975;

type ParentRef = NonNullable<AIGatewayRoute["spec"]["parentRefs"]>[number];

/** A parentRef whose Gateway is there. */
interface Parent {
  readonly gateway: Gateway;
  readonly ref: ParentRef;
  readonly path: FieldPath;
}

/** Knows the served Gateway and attaches routes to it. */
export class Attachment {
  /** Undefined when there is none at all: then the default listener takes every route. */
  readonly gateway: Gateway | undefined;
  readonly #compilation: Compilation;
  readonly #references: References;

  constructor(compilation: Compilation, references: References) {
    this.#compilation = compilation;
    this.#references = references;
    this.gateway = this.#servedGateway();
  }

  /** Every port to listen on; listeners that share a port are one here, told apart by the hostnames of routes. */
  listeners(): Listener[] {
    const { gateway } = this;
    if (gateway === undefined) {
      return [{ name: "default", port: DEFAULT_PORT, hostname: undefined, bodyBytesMax: BODY_BYTES_MAX }];
    }
    const byPort = new Map<number, Listener>();
    for (const { name, port, hostname } of this.#http(gateway)) {
      const bytes = bodyBytesMax(gateway, name, this.#compilation);
      const first = byPort.get(port);
      byPort.set(
        port,
        first === undefined
          ? { name, port, hostname, bodyBytesMax: bytes }
          : { ...first, hostname: undefined, bodyBytesMax: Math.max(first.bodyBytesMax, bytes) },
      );
    }
    return [...byPort.values()];
  }

  /** The hostnames under which a route is served, empty for every host; undefined when it is attached nowhere. */
  hostnamesOf(route: AIGatewayRoute): readonly string[] | undefined {
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
    if (this.gateway === undefined) return parentRefs.length === 0 ? hostnames : undefined;
    const listeners = parentRefs.length === 0 ? this.#defaultListeners(route) : this.#parentListeners(route, parents);
    // What keeps it from its parents has been told.
    if (listeners.length === 0) return undefined;
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
      if (gateway === served) this.#refuseUnserved(gateway);
      else this.#compilation.refuse(gateway, `one process serves one Gateway, and that is ${idOf(served ?? gateway)}`);
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

  #refuseUnserved(gateway: Gateway): void {
    for (const { name, protocol } of gateway.spec.listeners) {
      if (protocol === "HTTP") continue;
      const message = `listener ${name} is not served: protocol ${protocol} is not supported yet, write HTTP`;
      this.#compilation.refuse(gateway, message);
    }
  }

  #http(gateway: Gateway): GatewayListener[] {
    return gateway.spec.listeners.filter(({ protocol }) => protocol === "HTTP");
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
    const served = admitting.filter(({ protocol }) => protocol === "HTTP");
    if (admitting.length > 0 && served.length === 0) {
      this.#compilation.refuse(route, `no listener of Gateway ${idOf(gateway)} that it is attached to is served`);
    }
    this.#warnOfOtherPorts(route, gateway, served);
    return served;
  }

  /** Ports have no routes of their own, so that a route for one of them is served on all. */
  #warnOfOtherPorts(route: AIGatewayRoute, gateway: Gateway, chosen: readonly GatewayListener[]): void {
    if (chosen.length === 0 || gateway !== this.gateway) return;
    const ports = chosen.map(({ port }) => port);
    const others = new Set(
      this.#http(gateway)
        .map(({ port }) => port)
        .filter((port) => !ports.includes(port)),
    );
    if (others.size === 0) return;
    this.#compilation.notice(
      route,
      ["spec", "parentRefs"],
      `is also served on port ${[...others].join(", ")}: this gateway does not keep routes to single ports`,
    );
  }

  #hostnamesAt(route: AIGatewayRoute, listeners: readonly GatewayListener[]): readonly string[] | undefined {
    const shared = listeners
      .map(({ hostname }) => sharedHostnames(route.spec.hostnames ?? [], hostname))
      .filter((hostnames) => hostnames !== undefined);
    if (shared.length === 0) {
      this.#compilation.refuse(route, "no listener it is attached to is served under one of its hostnames");
      return undefined;
    }
    // Every host at one listener is every host.
    return shared.some((hostnames) => hostnames.length === 0) ? [] : [...new Set(shared.flat())];
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
