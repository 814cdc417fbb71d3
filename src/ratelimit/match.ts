/** Which limits a request falls under, and which counters of theirs it takes. */
import { BlockList, isIPv4, isIPv6 } from "node:net";
import type { Limit, LimitAttribute, LimitCondition } from "../config/limits.ts";
import { compileHeaderPattern } from "../routing/header-pattern.ts";
import type { HeaderMap } from "../wire/headers.ts";

/** What limits look at. */
export interface LimitedRequest {
  /** The caller's, admitted. */
  readonly headers: HeaderMap;
  readonly method: string;
  /** Path with query, as the caller sent it. */
  readonly target: string;
  /** The original model. */
  readonly model: string;
  /** Id of the route. */
  readonly route: string;
  /** IP address of the caller; undefined where it is not known, as on a Unix socket. */
  readonly address: string | undefined;
  /** What the gateway has found out about the caller, see `Caller` in config/callers.ts. */
  readonly caller: ReadonlyMap<string, string>;
}

/** A limit ready to be held against requests. */
export class PreparedLimit {
  readonly limit: Limit;
  readonly #conditions: readonly PreparedCondition[];

  constructor(limit: Limit) {
    this.limit = limit;
    this.#conditions = limit.conditions.map((condition) => ({ condition, passes: compileTest(condition.test) }));
  }

  /**
   * Values that tell the counter of this request; undefined = the limit is not for it: whoever lacks one of them is nobody that
   * the limit tells apart.
   */
  valuesOf(request: LimitedRequest): readonly string[] | undefined {
    for (const condition of this.#conditions) if (!holds(condition, request)) return undefined;
    const { per } = this.limit;
    if (per.length === 0) return NO_VALUES;
    if (per.length === 1) {
      const value = attributeOf(request, per[0] as LimitAttribute);
      return value ? [value] : undefined;
    }
    const values = per.map((attribute) => attributeOf(request, attribute) ?? "");
    return values.includes("") ? undefined : values;
  }

  /** The first thing for which the limit is not for a request; undefined = it is. */
  whyNot(request: LimitedRequest): LimitCondition | LimitAttribute | undefined {
    const failed = this.#conditions.find((condition) => !holds(condition, request));
    return failed?.condition ?? this.limit.per.find((attribute) => !attributeOf(request, attribute));
  }
}

interface PreparedCondition {
  readonly condition: LimitCondition;
  readonly passes: (value: string) => boolean;
}

function holds({ condition, passes }: PreparedCondition, request: LimitedRequest): boolean {
  const value = attributeOf(request, condition.attribute);
  return (value !== undefined && passes(value)) !== condition.invert;
}

const NO_VALUES: readonly string[] = [];
const NONE: readonly PreparedLimit[] = [];

/** The limits of a configuration by what they are for. */
export class LimitIndex {
  readonly #byRoute = new Map<string, PreparedLimit[]>();
  readonly #byBackend = new Map<string, PreparedLimit[]>();

  /** @param routeIds Of all routes. */
  constructor(limits: readonly Limit[], routeIds: readonly string[]) {
    for (const limit of limits) {
      const prepared = new PreparedLimit(limit);
      const { routes, backends } = limit.applies;
      if (backends === undefined) for (const id of routes ?? routeIds) addTo(this.#byRoute, id, prepared);
      else for (const id of backends) addTo(this.#byBackend, id, prepared);
    }
  }

  /** Limits that are looked at when a request of a route has been admitted. */
  ofRoute(routeId: string): readonly PreparedLimit[] {
    return this.#byRoute.get(routeId) ?? NONE;
  }

  /** Limits that are looked at when a backend has been picked. */
  ofBackend(backendId: string): readonly PreparedLimit[] {
    return this.#byBackend.get(backendId) ?? NONE;
  }
}

function addTo(map: Map<string, PreparedLimit[]>, id: string, limit: PreparedLimit): void {
  const known = map.get(id);
  if (known === undefined) map.set(id, [limit]);
  else known.push(limit);
}

/** Value of an attribute; undefined where the request has none. */
function attributeOf(request: LimitedRequest, attribute: LimitAttribute): string | undefined {
  switch (attribute.from) {
    case "header":
      return request.headers.get(attribute.name);
    case "query":
      return queryValue(request.target, attribute.name);
    case "caller":
      return request.caller.get(attribute.name);
    case "path":
      return pathOf(request.target);
    case "address": {
      const { address } = request;
      return address && plainAddress(address);
    }
    case "model":
      return request.model;
    case "method":
      return request.method;
    case "route":
      return request.route;
  }
}

function compileTest(test: LimitCondition["test"]): (value: string) => boolean {
  switch (test.type) {
    case "exact": {
      const { values } = test;
      const [only] = values;
      return values.length === 1 ? (value) => value === only : (value) => values.includes(value);
    }
    case "regex":
      return compileHeaderPattern({ type: "RegularExpression", value: test.value });
    case "prefix":
      return elementPrefix(test.value);
    case "cidr":
      return cidrTest(test.value);
  }
}

/** A prefix ends where a path element does (https://gateway-api.sigs.k8s.io/reference/spec/, PathMatchType). */
function elementPrefix(written: string): (value: string) => boolean {
  const prefix = written.replace(/\/+$/, "");
  return (value) => value === prefix || value.startsWith(`${prefix}/`);
}

function cidrTest(cidr: string): (value: string) => boolean {
  const [network = "", bits = ""] = cidr.split("/");
  const range = new BlockList();
  range.addSubnet(network, Number(bits), isIPv4(network) ? "ipv4" : "ipv6");
  return (address) => {
    if (isIPv4(address)) return range.check(address, "ipv4");
    return isIPv6(address) && range.check(address, "ipv6");
  };
}

const IPV4_MAPPED = "::ffff:";

/** A socket that takes both families tells IPv4 addresses in IPv6's way (RFC 4291 section 2.5.5.2). */
function plainAddress(address: string): string {
  if (!address.startsWith(IPV4_MAPPED)) return address;
  const rest = address.slice(IPV4_MAPPED.length);
  return isIPv4(rest) ? rest : address;
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}

function queryValue(target: string, name: string): string | undefined {
  const query = target.indexOf("?");
  if (query < 0) return undefined;
  return new URLSearchParams(target.slice(query + 1)).get(name) ?? undefined;
}
