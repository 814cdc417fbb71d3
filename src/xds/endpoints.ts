/** Where the backends of a rule are, and which of them Envoy chooses: priorities, weights, and what each endpoint says of itself. */
import { isIP } from "node:net";
import type { BackendRef, Route, Rule, UpstreamEndpoint } from "../config/runtime-config.ts";
import { BACKEND_KEY, STATIC_METADATA } from "../exchange/envoy-names.ts";
import type { AddressJson } from "../gen/envoy/config/core/v3/address_pb.ts";
import type {
  LbEndpointJson,
  LocalityLbEndpointsJson,
} from "../gen/envoy/config/endpoint/v3/endpoint_components_pb.ts";
import type { ClusterLoadAssignmentJson } from "../gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import { clusterName, usableRefs } from "./names.ts";
import { tlsKey } from "./upstream-tls.ts";

/** Metadata by which Envoy finds the transport socket of an endpoint. */
const SOCKET_MATCH = "envoy.transport_socket_match";

/** Whether a backend of a rule is known by a DNS name, which Envoy has to resolve. */
export function isNamed(rule: Rule): boolean {
  return usableRefs(rule).some(({ backend }) => backend.upstream.endpoints.some(hasName));
}

/** Whether an endpoint is a Unix socket among DNS names: one cluster cannot have both. */
export function isOutOfPlace({ unixPath }: UpstreamEndpoint, rule: Rule): boolean {
  return unixPath !== undefined && isNamed(rule);
}

/** The endpoints of a rule: a locality per backendRef, which carries its priority and weight. */
export function ruleEndpoints(route: Route, rule: Rule): ClusterLoadAssignmentJson {
  const refs = usableRefs(rule);
  // Envoy wants priorities without gaps.
  const priorities = [...new Set(refs.map(({ priority }) => priority))].sort((a, b) => a - b);
  return {
    clusterName: clusterName(route, rule),
    endpoints: refs.map(
      (ref): LocalityLbEndpointsJson => ({
        // Localities of one name would be one.
        locality: { region: ref.id },
        priority: priorities.indexOf(ref.priority),
        loadBalancingWeight: ref.weight,
        lbEndpoints: ref.backend.upstream.endpoints
          .filter((endpoint) => !isOutOfPlace(endpoint, rule))
          .map((endpoint) => lbEndpoint(ref, endpoint)),
      }),
    ),
  };
}

function lbEndpoint(ref: BackendRef, endpoint: UpstreamEndpoint): LbEndpointJson {
  const { tls } = ref.backend.upstream;
  return {
    endpoint: {
      address: endpointAddress(endpoint),
      hostname: endpoint.authority,
      healthCheckConfig: { hostname: endpoint.authority },
    },
    metadata: {
      filterMetadata: {
        [STATIC_METADATA]: { [BACKEND_KEY]: ref.id },
        ...(tls === undefined ? {} : { [SOCKET_MATCH]: { tls: tlsKey(tls) } }),
      },
    },
  };
}

function endpointAddress({ host, port, unixPath }: UpstreamEndpoint): AddressJson {
  if (unixPath !== undefined) return { pipe: { path: unixPath } };
  return { socketAddress: { address: host ?? "localhost", portValue: port } };
}

function hasName({ host, unixPath }: UpstreamEndpoint): boolean {
  return unixPath === undefined && isIP(host ?? "") === 0;
}
