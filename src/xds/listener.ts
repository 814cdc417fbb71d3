/**
 * The downstream side of a port: sockets, TLS, HTTP, and the filters a request passes
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge).
 */
import type { Listener } from "../config/runtime-config.ts";
import type { QuicProtocolOptionsJson } from "../gen/envoy/config/core/v3/protocol_pb.ts";
import type { FilterChainJson } from "../gen/envoy/config/listener/v3/listener_components_pb.ts";
import type { ListenerJson } from "../gen/envoy/config/listener/v3/listener_pb.ts";
import type {
  HttpConnectionManager_CodecTypeJson,
  HttpConnectionManagerJson,
  HttpFilterJson,
} from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import type { SdsSecretConfigJson } from "../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import type { DownstreamTlsContextJson } from "../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { accessLog } from "./access-log.ts";
import { BUFFER_BYTES } from "./cluster.ts";
import { type ProcessorOptions, routerFilter } from "./ext-proc-filter.ts";
import { localReplyConfig } from "./local-reply.ts";
import { duration, typed } from "./names.ts";
import { type RateLimitService, rateLimitFilter } from "./rate-limit.ts";
import { presentedCertificates, secretName } from "./secret.ts";

/** Largest head of a request. */
const HEAD_KB_MAX = 60;
const HEADERS_MAX = 256;
/** Longest wait for the head of a request, and for a TLS handshake. */
const HEAD_TIMEOUT_MS = 10_000;
/** Longer than the load balancers in front keep a connection idle, so that they close it and not we. */
const KEEP_ALIVE_MS = 75_000;
/** Streams one HTTP/2 connection may have open; an agent's tools share one. */
const STREAMS_MAX = 1_000;
/**
 * As for HTTP/2; windows are the largest that Envoy takes
 * (https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/core/v3/protocol.proto#config-core-v3-quicprotocoloptions).
 */
const QUIC_LIMITS: QuicProtocolOptionsJson = {
  maxConcurrentStreams: STREAMS_MAX,
  initialStreamWindowSize: 16 * 1024 * 1024,
  initialConnectionWindowSize: 24 * 1024 * 1024,
};
/** How long a client may go on using HTTP/3 after it was told of it (RFC 7838 section 3.1). */
const ALT_SVC_SECONDS = 86_400;

/** What listeners need to know of the host. */
export interface ListenerOptions extends ProcessorOptions {
  readonly bindAddress: string;
  readonly portOverride?: number | undefined;
  readonly rateLimitService?: RateLimitService | undefined;
}

/** Where Envoy finds what a listener refers to. */
export interface Delivery {
  readonly routes: (listener: Listener) => Pick<HttpConnectionManagerJson, "rds" | "routeConfig">;
  readonly secret: (name: string) => SdsSecretConfigJson;
}

/** A port being described. */
interface Scene {
  readonly listener: Listener;
  readonly options: ListenerOptions;
  readonly delivery: Delivery;
}

/** The listener of a port, and where it serves HTTP/3 the one beside it. */
export function listenerResources(listener: Listener, options: ListenerOptions, delivery: Delivery): ListenerJson[] {
  const scene = { listener, options, delivery };
  const tcp = tcpListener(scene);
  return listener.http3 && listener.tls !== undefined ? [tcp, quicListener(scene)] : [tcp];
}

function tcpListener(scene: Scene): ListenerJson {
  const { listener } = scene;
  const common: ListenerJson = {
    ...bound(scene, "TCP"),
    name: listener.name,
    perConnectionBufferLimitBytes: bufferBytes(listener),
    listenerFiltersTimeout: duration(HEAD_TIMEOUT_MS),
  };
  if (listener.tls === undefined) return { ...common, filterChains: [{ filters: [httpFilter(scene, "AUTO")] }] };
  const inspector = typed("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector", {});
  return {
    ...common,
    listenerFilters: [{ name: "envoy.filters.listener.tls_inspector", typedConfig: inspector }],
    ...tlsChains(scene, "AUTO", (context) => ({
      name: "envoy.transport_sockets.tls",
      typedConfig: typed("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", context),
    })),
  };
}

function quicListener(scene: Scene): ListenerJson {
  return {
    ...bound(scene, "UDP"),
    name: `${scene.listener.name}/quic`,
    udpListenerConfig: {
      quicOptions: { quicProtocolOptions: QUIC_LIMITS },
      // Without it Envoy 1.40 still has the kernel join datagrams, and drops those that then do not fit its buffer: first of
      // all the two of a handshake with a post-quantum key.
      downstreamSocketConfig: { preferGro: true },
    },
    ...tlsChains(scene, "HTTP3", (downstreamTlsContext) => ({
      name: "envoy.transport_sockets.quic",
      typedConfig: typed("envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport", {
        downstreamTlsContext,
      }),
    })),
  };
}

function bound({ listener, options }: Scene, protocol: "TCP" | "UDP"): ListenerJson {
  const portValue = options.portOverride ?? listener.port;
  return {
    address: { socketAddress: { protocol, address: options.bindAddress, portValue } },
    statPrefix: listener.name,
    trafficDirection: "INBOUND",
  };
}

/** A filter chain per certificate, chosen by server name, and the first for clients that name none or another one. */
function tlsChains(
  scene: Scene,
  codec: HttpConnectionManager_CodecTypeJson,
  socket: (context: DownstreamTlsContextJson) => NonNullable<FilterChainJson["transportSocket"]>,
): Pick<ListenerJson, "filterChains" | "defaultFilterChain"> {
  const { listener, delivery } = scene;
  const alpnProtocols = codec === "HTTP3" ? ["h3"] : ["h2", "http/1.1"];
  const chains = presentedCertificates(listener).map((certificate) => ({
    serverName: certificate.hostname,
    chain: {
      name: secretName(listener, certificate),
      filters: [httpFilter(scene, codec)],
      transportSocket: socket({
        commonTlsContext: {
          tlsParams: { tlsMinimumProtocolVersion: codec === "HTTP3" ? "TLSv1_3" : "TLSv1_2" },
          alpnProtocols,
          tlsCertificateSdsSecretConfigs: [delivery.secret(secretName(listener, certificate))],
        },
      }),
      transportSocketConnectTimeout: duration(HEAD_TIMEOUT_MS),
    } satisfies FilterChainJson,
  }));
  const fallback = chains.find(({ serverName }) => serverName === undefined) ?? chains[0];
  return {
    filterChains: chains.flatMap(({ serverName, chain }) =>
      serverName === undefined ? [] : [{ ...chain, filterChainMatch: { serverNames: [serverName] } }],
    ),
    ...(fallback === undefined ? {} : { defaultFilterChain: { ...fallback.chain, name: "default" } }),
  };
}

function httpFilter(scene: Scene, codecType: HttpConnectionManager_CodecTypeJson) {
  return {
    name: "envoy.filters.network.http_connection_manager",
    typedConfig: typed(
      "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      connectionManager(scene, codecType),
    ),
  };
}

function connectionManager(scene: Scene, codecType: HttpConnectionManager_CodecTypeJson): HttpConnectionManagerJson {
  const { listener, delivery } = scene;
  return {
    codecType,
    statPrefix: listener.name,
    ...delivery.routes(listener),
    httpFilters: httpFilters(scene),
    ...limits(listener),
    ...whatIsTaken(),
    ...whatIsAdded(),
    ...(codecType === "HTTP3" ? { http3ProtocolOptions: {} } : {}),
    localReplyConfig: localReplyConfig(),
    accessLog: accessLog(listener.name),
  };
}

/**
 * What Envoy may hold of a body for its filters, of requests as of answers. The listener's own limit for requests, which may be
 * smaller, is held by the processor.
 */
export function bufferBytes({ bodyBytesMax }: Listener): number {
  return Math.max(bodyBytesMax, BUFFER_BYTES);
}

/** Limits of time are the routes'; only what comes before there is a route is limited here. */
function limits(listener: Listener): HttpConnectionManagerJson {
  return {
    streamIdleTimeout: "0s",
    requestTimeout: "0s",
    requestHeadersTimeout: duration(HEAD_TIMEOUT_MS),
    maxRequestHeadersKb: HEAD_KB_MAX,
    commonHttpProtocolOptions: {
      idleTimeout: duration(KEEP_ALIVE_MS),
      maxHeadersCount: HEADERS_MAX,
      headersWithUnderscoresAction: "ALLOW",
    },
    http2ProtocolOptions: {
      maxConcurrentStreams: STREAMS_MAX,
      // Over HTTP/2 this, not the connection's limit, is what filters may hold of a body.
      initialStreamWindowSize: bufferBytes(listener),
      initialConnectionWindowSize: bufferBytes(listener),
    },
  };
}

/** A request is passed on as it came: a path that is rewritten could be read differently by the one who signed it. */
function whatIsTaken(): HttpConnectionManagerJson {
  return {
    normalizePath: false,
    mergeSlashes: false,
    pathWithEscapedSlashesAction: "KEEP_UNCHANGED",
    // Chunked together with a length is refused, and trailers are dropped: both are the defaults.
    httpProtocolOptions: { acceptHttp10: true, ignoreHttp11Upgrade: [{ safeRegex: { regex: ".*" } }] },
    earlyHeaderMutationExtensions: [
      {
        name: "envoy.http.early_header_mutation.header_mutation",
        typedConfig: typed("envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation", {
          mutations: RESERVED_PREFIXES.map((prefix) => ({ removeOnMatch: { keyMatcher: { prefix } } })),
        }),
      },
    ],
  };
}

/** Headers by which a caller could choose a route, a time limit or retries (exchange/door.ts drops the same ones). */
const RESERVED_PREFIXES = ["x-ai-eg-", "x-gateway-", "x-envoy-"];

/** Envoy adds nothing that a provider or a caller would not get from the embedded host. */
function whatIsAdded(): HttpConnectionManagerJson {
  return {
    useRemoteAddress: true,
    skipXffAppend: true,
    xffNumTrustedHops: 0,
    generateRequestId: false,
    preserveExternalRequestId: true,
    serverHeaderTransformation: "PASS_THROUGH",
    schemeHeaderTransformation: { matchUpstream: true },
  };
}

/** In the order in which a request passes them. */
function httpFilters({ listener, options }: Scene): HttpFilterJson[] {
  const { rateLimitService } = options;
  return [
    ...(listener.http3 ? [altSvc()] : []),
    routerFilter(listener, options),
    ...(rateLimitService === undefined ? [] : [rateLimitFilter(rateLimitService)]),
    {
      name: "envoy.filters.http.router",
      typedConfig: typed("envoy.extensions.filters.http.router.v3.Router", { suppressEnvoyHeaders: true }),
    },
  ];
}

/** Before the processor, which would take the header for the provider's and drop it. */
function altSvc(): HttpFilterJson {
  const value = `h3=":%DOWNSTREAM_LOCAL_PORT%"; ma=${ALT_SVC_SECONDS}`;
  const mutation = { append: { header: { key: "alt-svc", value }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" } };
  return {
    name: "envoy.filters.http.header_mutation/alt-svc",
    typedConfig: typed("envoy.extensions.filters.http.header_mutation.v3.HeaderMutation", {
      mutations: { responseMutations: [mutation] },
    }),
  };
}
