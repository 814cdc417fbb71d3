/** What a configuration asks for that one cluster of Envoy's cannot do, in words for whoever wrote it. */
import type { Route, Rule, RuntimeConfig, Upstream } from "../config/runtime-config.ts";
import { ruleProtocol } from "./cluster.ts";
import { isOutOfPlace } from "./endpoints.ts";
import { usableRefs } from "./names.ts";

/** A sentence for each such place; none for nearly every configuration. */
export function limitations(config: RuntimeConfig): string[] {
  return config.routes.flatMap((route) => route.rules.flatMap((rule) => limitationsOf(route, rule)));
}

function limitationsOf(route: Route, rule: Rule): string[] {
  const place = `route ${route.id}, rule ${rule.index}`;
  const refs = usableRefs(rule);
  const misplaced = refs.filter(({ backend }) => backend.upstream.endpoints.some((at) => isOutOfPlace(at, rule)));
  const downgraded = refs.filter(({ backend }) => isDowngraded(backend.upstream, rule));
  return [
    ...misplaced.map(
      ({ backend }) =>
        `${place}: the Unix socket of backend ${backend.id} is left out, because other backends of the rule are known by name`,
    ),
    ...downgraded.map(
      ({ backend }) =>
        `${place}: HTTP/1.1 instead of HTTP/2 is spoken to backend ${backend.id}, because others of the rule speak only that`,
    ),
  ];
}

function isDowngraded({ protocol }: Upstream, rule: Rule): boolean {
  return protocol === "h2" && ruleProtocol(rule) === "http/1.1";
}
