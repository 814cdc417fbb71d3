/**
 * The narrow waist: one immutable, versioned configuration that both hosts and the controller agree on. It is plain data
 * (it can be cloned, compared and printed, secrets excepted); what can be prepared from it is prepared in `exchange/`.
 */
import type { Fault } from "../errors/config-error.ts";
import type { BackendAuth } from "./backend-auth.ts";
import type { CallerAuth } from "./callers.ts";
import type { Limit } from "./limits.ts";
import type { Secret } from "./secret.ts";
import type { TrafficPolicy } from "./traffic-policy.ts";

/** API schema names, spelled as in the resources. */
export type SchemaName =
  | "OpenAI"
  | "AzureOpenAI"
  | "Anthropic"
  | "AWSBedrock"
  | "AWSAnthropic"
  | "GCPVertexAI"
  | "GCPAnthropic"
  | "Cohere";

export interface RuntimeConfig {
  /** Hash of the resources it was compiled from. */
  readonly version: string;
  readonly listeners: readonly Listener[];
  /** Every route that is attached to a listener. */
  readonly routes: readonly Route[];
  /** Cost rules of every route without one of its own under the same key. */
  readonly globalCosts: readonly CostRule[];
  readonly limits: readonly Limit[];
  readonly statuses: readonly ResourceStatus[];
}

/** A port that is listened on, and what is served there. */
export interface Listener {
  readonly name: string;
  readonly port: number;
  /** Hostname the listener is limited to, `*.` prefix allowed; undefined = any. */
  readonly hostname: string | undefined;
  /** Largest request body taken, in bytes. */
  readonly bodyBytesMax: number;
  /** Undefined = clear text. */
  readonly tls: ListenerTls | undefined;
  /** Also served over QUIC at the same port number; Envoy host only. */
  readonly http3: boolean;
  /** Routes of this port; their hostnames are already intersected with its listeners'. */
  readonly routes: readonly Route[];
}

/** Certificates of a port. */
export interface ListenerTls {
  /** The first whose hostname fits the client's server name is presented, else the first of all. */
  readonly certificates: readonly ListenerCertificate[];
}

export interface ListenerCertificate {
  /** Hostname of its listener, `*.` prefix allowed; undefined = any. */
  readonly hostname: string | undefined;
  /** PEM, leaf first. */
  readonly chain: string;
  /** PEM. */
  readonly key: Secret;
}

/** An AIGatewayRoute, ready to be matched. */
export interface Route {
  /** `namespace/name`. */
  readonly id: string;
  /** Lower-case hostnames, `*.` prefix allowed; empty = every host. Already intersected with the listener's. */
  readonly hostnames: readonly string[];
  readonly rules: readonly Rule[];
  readonly costs: readonly CostRule[];
  /** Whether a request that cannot be told to a backend in full is refused instead of sent without what is lost. */
  readonly strictTranslation: boolean;
  readonly traffic: TrafficPolicy | undefined;
  /** Who may call it; undefined = everybody. */
  readonly callers: CallerAuth | undefined;
}

export interface Rule {
  readonly name: string | undefined;
  /** Index in its route. */
  readonly index: number;
  /**
   * `namespace/name/index@hash`, another one whenever its backends or where they are change. Envoy finds routes by it, so that
   * a request which was signed for one backend never goes to another one that a reload has put into the rule's place.
   */
  readonly key: string;
  /** Alternatives; empty = every request. */
  readonly matches: readonly (readonly HeaderMatch[])[];
  readonly backends: readonly BackendRef[];
  readonly timeouts: RuleTimeouts;
  readonly modelsOwnedBy: string;
  /** Unix seconds. */
  readonly modelsCreatedAt: number;
}

export interface HeaderMatch {
  /** Lower case. */
  readonly name: string;
  readonly type: "Exact" | "RegularExpression";
  readonly value: string;
}

/** In milliseconds; undefined = the default of the kind of request, 0 = no limit. */
export interface RuleTimeouts {
  readonly requestMs: number | undefined;
  readonly backendRequestMs: number | undefined;
  readonly streamIdleMs: number | undefined;
}

/** One backendRef of a rule: what this rule does with a backend. */
export interface BackendRef {
  /** `ns/name/route/<route>/rule/<i>/ref/<j>`: the `backend` of CEL and of the access log. */
  readonly id: string;
  readonly backend: Backend;
  readonly weight: number;
  readonly priority: number;
  readonly modelNameOverride: string | undefined;
  /** The backend's own mutations with the ref's merged over them. */
  readonly headerMutation: HeaderMutation;
  readonly bodyMutation: BodyMutation;
}

/** An AIServiceBackend with everything it refers to resolved. */
export interface Backend {
  /** `namespace/name` of the AIServiceBackend. */
  readonly id: string;
  readonly schema: {
    readonly name: SchemaName;
    readonly prefix: string | undefined;
    readonly version: string | undefined;
  };
  readonly upstream: Upstream;
  readonly auth: BackendAuth;
}

/** Where a backend is and how to connect to it; equal values share connections. */
export interface Upstream {
  readonly endpoints: readonly UpstreamEndpoint[];
  /** `h2`: HTTP/2 (by ALPN over TLS, prior knowledge in clear text). */
  readonly protocol: "http/1.1" | "h2";
  readonly tls: UpstreamTls | undefined;
  readonly connectTimeoutMs: number;
}

export interface UpstreamEndpoint {
  /** DNS name or IP address. Undefined for a Unix socket. */
  readonly host: string | undefined;
  readonly port: number;
  readonly unixPath: string | undefined;
  /** Value of the Host header, with the port where it is not the scheme's own. */
  readonly authority: string;
}

export interface UpstreamTls {
  /** Server name for SNI and, where no other names are given, for certificate verification. */
  readonly serverName: string;
  /** Of these the server's certificate has to carry one; empty = `serverName`. */
  readonly subjectAltNames: readonly SubjectAltName[];
  /** PEM bundle; undefined = the system's CAs. */
  readonly ca: string | undefined;
  readonly insecureSkipVerify: boolean;
  /** What is presented to a server that asks for it. */
  readonly client: ClientCertificate | undefined;
  readonly parameters: TlsParameters;
}

/** A name in a certificate. */
export interface SubjectAltName {
  readonly type: "DNS" | "URI";
  readonly value: string;
}

/** A certificate with its key. Its printed form tells keys apart too: a key belongs to the public key in the chain. */
export interface ClientCertificate {
  /** PEM, leaf first. */
  readonly chain: string;
  /** PEM. */
  readonly key: Secret;
}

/** What is spoken; an empty list = the library's own. */
export interface TlsParameters {
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** OpenSSL's names of suites of TLS 1.2; those of TLS 1.3 are always on. */
  readonly ciphers: readonly string[];
  readonly curves: readonly string[];
  /** Names of RFC 8446 section 4.2.3. */
  readonly signatureAlgorithms: readonly string[];
}

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

export interface HeaderMutation {
  readonly set: readonly { readonly name: string; readonly value: string }[];
  readonly remove: readonly string[];
}

export interface BodyMutation {
  readonly set: readonly { readonly path: string; readonly value: string }[];
  readonly remove: readonly string[];
}

export type CostType =
  | "InputToken"
  | "CachedInputToken"
  | "CacheCreationInputToken"
  | "OutputToken"
  | "TotalToken"
  | "ReasoningToken"
  | "CEL";

export interface CostRule {
  readonly metadataKey: string;
  readonly type: CostType;
  /** The expression, for type CEL. */
  readonly cel: string | undefined;
  /** Where it stands, for faults found when it is prepared. */
  readonly fault: (reason: string) => Fault;
}

/** Whether a resource is in force, and if not, why not. */
export interface ResourceStatus {
  readonly kind: string;
  /** `namespace/name`. */
  readonly id: string;
  readonly conditions: readonly StatusCondition[];
}

export interface StatusCondition {
  readonly type: "Accepted" | "NotAccepted" | "CredentialsReady" | "EndpointsServed";
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}
