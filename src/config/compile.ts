/**
 * From resources to the configuration both hosts run on. Nothing is thrown and nothing stops at the first fault: what is
 * wrong is reported at its place and left out, so that the rest is checked as well. A configuration with faults is not
 * meant to be served.
 */
import { createHash } from "node:crypto";
import type { Fault } from "../errors/config-error.ts";
import type { AIGatewayRoute } from "../resources/ai-gateway-route.ts";
import { inOrder } from "../resources/field-path.ts";
import { GATEWAY_CONFIG_ANNOTATION } from "../resources/gateway-config.ts";
import type { Notice } from "../resources/resource.ts";
import type { ResourceSet } from "../resources/resource-set.ts";
import { Attachment, type PortHostnames } from "./attach.ts";
import { Compilation } from "./compilation.ts";
import { Callers } from "./compile-callers.ts";
import { compileLimits } from "./compile-limits.ts";
import { compileCosts, compileRoute } from "./compile-route.ts";
import { noticeEnvoyOnly } from "./envoy-only.ts";
import { unitedHostnames } from "./hostnames.ts";
import { compilePorts } from "./listeners.ts";
import { References } from "./references.ts";
import { Credentials } from "./resolve-auth.ts";
import { Backends } from "./resolve-backend.ts";
import { Upstreams } from "./resolve-upstream.ts";
import type { CostRule, Route, RuntimeConfig, SchemaName } from "./runtime-config.ts";
import { checkPolicyTargets, TrafficPolicies } from "./traffic-policies.ts";

export type { Notice };

/** What serves: one Node process, or an Envoy that we configure. */
export type HostKind = "embedded" | "envoy";

/** What the resources do not say. */
export interface CompileOptions {
  /** Unix seconds; creation time of models whose route has none. */
  readonly loadedAt: number;
  /** Schemas that requests can be translated to; a backend with another one is not accepted. Undefined = all. */
  readonly servedSchemas?: ReadonlySet<SchemaName>;
  /** What will serve the configuration; the embedded host unless told. */
  readonly host?: HostKind;
  /** Whether a route of which nothing says who may call it is for nobody, instead of for everybody. */
  readonly closed?: boolean | undefined;
}

/** What came of the resources. */
export interface Compiled {
  readonly config: RuntimeConfig;
  readonly faults: readonly Fault[];
  readonly notices: readonly Notice[];
}

/** Compiles a configuration. */
export function compile(set: ResourceSet, options: CompileOptions): Compiled {
  const { loadedAt, servedSchemas, host = "embedded", closed = false } = options;
  const compilation = new Compilation(set, loadedAt);
  const references = new References(compilation);
  const credentials = new Credentials(compilation, references);
  const attachment = new Attachment(compilation, references);
  const upstreams = new Upstreams(compilation, references, attachment.gateway);
  const backends = new Backends({ compilation, references, credentials, upstreams, servedSchemas });
  checkPolicyTargets(compilation, references);
  if (host === "embedded") noticeEnvoyOnly(compilation);
  const policies = new TrafficPolicies(compilation);
  const allowed = new Callers(compilation, references, closed);
  const attached = set.ofKind("AIGatewayRoute").map((resource): Attached => {
    const ports = attachment.portsOf(resource);
    const traffic = policies.trafficPolicy(resource, attachment.gateway);
    // Compiled even where it is attached to nothing, for the faults in it.
    const callers = allowed.of(resource, attachment.gateway);
    const context = { compilation, references, backends, traffic, callers, loadedAt };
    return { resource, route: compileRoute(resource, unitedHostnames([...ports.values()]), context), ports };
  });
  const served = attached.filter(({ ports: { size } }) => size > 0);
  const { gateway } = attachment;
  const limits = compileLimits({
    ...{ compilation, references, policies, gateway },
    routes: served.map(({ resource }) => resource),
  });
  const ports = compilePorts(attachment.gateway, attachment.listeners, compilation, references);
  const config = {
    version: versionOf(set),
    listeners: ports.map((port) => ({ ...port, routes: routesAt(port.port, attached) })),
    routes: served.map(({ route }) => route),
    globalCosts: globalCosts(attachment, compilation, references),
    limits,
    statuses: compilation.statuses(),
  };
  return { config, faults: inOrder(compilation.faults), notices: inOrder(compilation.notices) };
}

/** A route with where it is served. */
interface Attached {
  readonly resource: AIGatewayRoute;
  readonly route: Route;
  readonly ports: PortHostnames;
}

/** The routes of a port, each under the hostnames it has there; all else is shared between ports. */
function routesAt(port: number, attached: readonly Attached[]): Route[] {
  return attached.flatMap(({ route, ports }) => {
    const hostnames = ports.get(port);
    return hostnames === undefined ? [] : [{ ...route, hostnames }];
  });
}

/** Cost rules of the GatewayConfig that the served Gateway names. */
function globalCosts({ gateway }: Attachment, compilation: Compilation, references: References): CostRule[] {
  const configs = compilation.set.ofKind("GatewayConfig");
  const name = gateway?.metadata.annotations[GATEWAY_CONFIG_ANNOTATION];
  const path = ["metadata", "annotations", GATEWAY_CONFIG_ANNOTATION];
  const chosen =
    gateway && name !== undefined
      ? references.resolve({ from: gateway, path, kind: "GatewayConfig", name, namespace: undefined, isBareName: true })
      : undefined;
  for (const config of configs) {
    if (config === chosen) continue;
    const reason = `is not in use: no served Gateway names it in the annotation ${GATEWAY_CONFIG_ANNOTATION}`;
    compilation.notice(config, ["metadata", "name"], reason);
  }
  if (chosen === undefined) return [];
  return compileCosts(chosen, ["spec", "globalLLMRequestCosts"], chosen.spec.globalLLMRequestCosts ?? []);
}

const VERSION_CHARS = 12;

/** The same objects in the same order have the same version, whatever files and comments they stand in. */
function versionOf(set: ResourceSet): string {
  const hash = createHash("sha256");
  for (const { apiVersion, kind, metadata, spec } of set.all) {
    hash.update(JSON.stringify([apiVersion, kind, metadata, spec]));
  }
  return hash.digest("hex").slice(0, VERSION_CHARS);
}
