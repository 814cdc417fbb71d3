/**
 * How Envoy asks our processor
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ext_proc_filter): once per request as
 * *router*, and where a rule has several backends once per attempt as *upstream*, after Envoy has chosen one.
 */
import type { Listener, Rule } from "../config/runtime-config.ts";
import {
  ADDRESS_ATTRIBUTE,
  ATTEMPTS_ATTRIBUTE,
  BACKEND_ATTRIBUTE,
  DETAILS_ATTRIBUTE,
  DYNAMIC_METADATA,
  LISTENER_HEADER,
  ROLE_HEADER,
} from "../exchange/envoy-names.ts";
import type { HeaderValueJson } from "../gen/envoy/config/core/v3/base_pb.ts";
import type { ExternalProcessorJson } from "../gen/envoy/extensions/filters/http/ext_proc/v3/ext_proc_pb.ts";
import type { HeaderMutationJson } from "../gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.ts";
import type { HttpFilterJson } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { duration, PROCESSOR_CLUSTER, typed } from "./names.ts";

const ROUTER_FILTER = "envoy.filters.http.ext_proc/aigateway";
const UPSTREAM_FILTER = "envoy.filters.http.ext_proc/aigateway/upstream";
const EXTERNAL_PROCESSOR = "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor";

/** Longest time the processor may ask for when one message takes it longer. */
const MESSAGE_TIMEOUT_MAX_MS = 300_000;

/** What both roles need to know. */
export interface ProcessorOptions {
  /** Whether a limit looks at callers' addresses, which are told only then. */
  readonly tellsAddress?: boolean;
  /** How long one message may take. */
  readonly messageTimeoutMs: number;
}

/** The filter that decides about a request and its answer. */
export function routerFilter({ name, routes }: Listener, options: ProcessorOptions): HttpFilterJson {
  const metadata = [
    { key: ROLE_HEADER, value: "router" },
    { key: LISTENER_HEADER, value: name },
  ];
  const namespaces = credentialNamespaces(routes.flatMap(({ rules }) => rules));
  const filter: ExternalProcessorJson = {
    ...common(metadata, options),
    metadataOptions: {
      ...(namespaces.length > 0 && { forwardingNamespaces: { untyped: namespaces } }),
      receivingNamespaces: { untyped: [DYNAMIC_METADATA] },
    },
    processingMode: {
      requestHeaderMode: "SEND",
      requestBodyMode: "BUFFERED",
      // Asked for by the processor, once it knows the request: Envoy's own answer to bytes that are no HTTP would wait for the
      // processor, and be dropped with the connection meanwhile.
      responseHeaderMode: "SKIP",
      // Asked for by the processor where it has to read or change the answer.
      responseBodyMode: "NONE",
      requestTrailerMode: "SKIP",
      responseTrailerMode: "SKIP",
    },
    ...(options.tellsAddress === true && { requestAttributes: [ADDRESS_ATTRIBUTE] }),
    responseAttributes: [DETAILS_ATTRIBUTE, ATTEMPTS_ATTRIBUTE],
    statPrefix: "router",
  };
  return { name: ROUTER_FILTER, typedConfig: typed(EXTERNAL_PROCESSOR, filter) };
}

/** The filters of a cluster whose requests are translated, mutated and signed once their backend is known. */
export function upstreamFilters(rule: Rule, options: ProcessorOptions): HttpFilterJson[] {
  const namespaces = credentialNamespaces([rule]);
  const filter: ExternalProcessorJson = {
    ...common([{ key: ROLE_HEADER, value: "upstream" }], options),
    metadataOptions: {
      // In ours is the id by which the processor finds the request.
      forwardingNamespaces: { untyped: [...new Set([DYNAMIC_METADATA, ...namespaces])] },
      receivingNamespaces: { untyped: [DYNAMIC_METADATA] },
    },
    processingMode: {
      requestHeaderMode: "SEND",
      requestBodyMode: "NONE",
      responseHeaderMode: "SKIP",
      responseBodyMode: "NONE",
      requestTrailerMode: "SKIP",
      responseTrailerMode: "SKIP",
    },
    requestAttributes: [BACKEND_ATTRIBUTE],
    statPrefix: "upstream",
  };
  return [
    { name: UPSTREAM_FILTER, typedConfig: typed(EXTERNAL_PROCESSOR, filter) },
    contentLength(),
    {
      name: "envoy.filters.http.upstream_codec",
      typedConfig: typed("envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec", {}),
    },
  ];
}

/** Namespaces of dynamic metadata in which callers' own credentials come. */
function credentialNamespaces(rules: readonly Rule[]): string[] {
  const auths = rules.flatMap(({ backends }) => backends.map(({ backend }) => backend.auth));
  const namespaces = auths.flatMap((auth) => {
    const override = auth.type === "none" ? undefined : auth.override;
    return override?.from === "metadata" ? [override.namespace] : [];
  });
  return [...new Set(namespaces)];
}

function common(initialMetadata: HeaderValueJson[], { messageTimeoutMs }: ProcessorOptions): ExternalProcessorJson {
  return {
    // No timeout of the call itself: it lives as long as the request, and a stream may take hours.
    grpcService: { envoyGrpc: { clusterName: PROCESSOR_CLUSTER, skipEnvoyHeaders: true }, initialMetadata },
    allowModeOverride: true,
    // Without the processor nothing would be signed, limited or counted.
    failureModeAllow: false,
    statusOnError: { code: "ServiceUnavailable" },
    messageTimeout: duration(messageTimeoutMs),
    maxMessageTimeout: duration(Math.max(messageTimeoutMs, MESSAGE_TIMEOUT_MAX_MS)),
    mutationRules: { allowAllRouting: true, allowEnvoy: true },
  };
}

/**
 * A body that is replaced while the headers are processed loses its length, and would be sent in chunks, which not every
 * provider takes. The processor says the new length in the metadata.
 */
function contentLength(): HttpFilterJson {
  const filter: HeaderMutationJson = {
    mutations: {
      requestMutations: [
        {
          append: {
            header: { key: "content-length", value: `%DYNAMIC_METADATA(${DYNAMIC_METADATA}:content_length)%` },
            appendAction: "ADD_IF_ABSENT",
            keepEmptyValue: false,
          },
        },
      ],
    },
  };
  return {
    name: "envoy.filters.http.header_mutation",
    typedConfig: typed("envoy.extensions.filters.http.header_mutation.v3.HeaderMutation", filter),
  };
}
