/** Mutual TLS between an Envoy and what it asks on another machine: a processor, a rate limit service. */
import { isIP } from "node:net";
import type { TransportSocketJson } from "../gen/envoy/config/core/v3/base_pb.ts";
import type { UpstreamTlsContextJson } from "../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { typed } from "./names.ts";

/** Whom Envoy trusts as its processor, and how it shows who it is itself. */
export interface ProcessorTls {
  /** Paths of PEM files where Envoy runs: its own certificate and key, and the CA that signed the processor's. */
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  /** Name or IP address that the processor's certificate must be for. */
  readonly serverName: string;
}

/** The transport socket of the processor's cluster. */
export function processorSocket({ cert, key, ca, serverName }: ProcessorTls): TransportSocketJson {
  const isAddress = isIP(serverName) !== 0;
  const context: UpstreamTlsContextJson = {
    commonTlsContext: {
      tlsParams: { tlsMinimumProtocolVersion: "TLSv1_2" },
      alpnProtocols: ["h2"],
      tlsCertificates: [{ certificateChain: { filename: cert }, privateKey: { filename: key } }],
      validationContext: {
        trustedCa: { filename: ca },
        matchTypedSubjectAltNames: [{ sanType: isAddress ? "IP_ADDRESS" : "DNS", matcher: { exact: serverName } }],
      },
    },
    // Server name indication holds names only (RFC 6066 section 3).
    ...(isAddress ? {} : { sni: serverName }),
  };
  return {
    name: "envoy.transport_sockets.tls",
    typedConfig: typed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", context),
  };
}
