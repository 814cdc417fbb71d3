/** TLS towards providers: whom to trust. The backends of a rule share a cluster, so each endpoint finds its own settings. */
import { createHash } from "node:crypto";
import { isIP } from "node:net";
import type { TlsParameters, UpstreamTls } from "../config/runtime-config.ts";
import type { Cluster_TransportSocketMatchJson, ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { TransportSocketJson } from "../gen/envoy/config/core/v3/base_pb.ts";
import type {
  TlsParametersJson,
  CertificateValidationContextJson as Validation,
} from "../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts";
import type { UpstreamTlsContextJson } from "../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { typed } from "./names.ts";

const KEY_CHARS = 12;

/** Tells TLS settings apart; a private key does not show in it, but the certificate it belongs to does. */
export function tlsKey(tls: UpstreamTls): string {
  return createHash("sha256").update(JSON.stringify(tls)).digest("hex").slice(0, KEY_CHARS);
}

/**
 * The transport sockets of a cluster, by what its endpoints say of themselves.
 *
 * @param settings One per backend; undefined = clear text.
 */
export function transportSockets(
  settings: readonly (UpstreamTls | undefined)[],
  systemCaPath: string,
): Pick<ClusterJson, "transportSocket" | "transportSocketMatches"> {
  const overTls = settings.filter((tls) => tls !== undefined);
  const [first] = overTls;
  if (first === undefined) return {};
  const byKey = new Map(overTls.map((tls) => [tlsKey(tls), tls]));
  return {
    transportSocketMatches: [...byKey].map(
      ([key, tls]): Cluster_TransportSocketMatchJson => ({
        name: key,
        match: { tls: key },
        transportSocket: transportSocket(tls, systemCaPath),
      }),
    ),
    // For endpoints that match none. Where none is meant to be spoken to in clear text, none can be by mistake.
    ...(overTls.length === settings.length ? { transportSocket: transportSocket(first, systemCaPath) } : {}),
  };
}

function transportSocket(tls: UpstreamTls, systemCaPath: string): TransportSocketJson {
  const isAddress = isIP(tls.serverName) !== 0;
  const { client } = tls;
  const context: UpstreamTlsContextJson = {
    commonTlsContext: {
      tlsParams: parameters(tls.parameters),
      // Envoy keeps keys out of what its admin port shows.
      ...(client === undefined
        ? {}
        : {
            tlsCertificates: [
              {
                certificateChain: { inlineString: client.chain },
                privateKey: { inlineString: client.key.reveal() },
              },
            ],
          }),
      // Without a validation context every certificate is taken.
      ...(tls.insecureSkipVerify ? {} : { validationContext: validation(tls, systemCaPath) }),
    },
    // Server name indication holds names only (RFC 6066 section 3).
    ...(isAddress ? {} : { sni: tls.serverName }),
  };
  return {
    name: "envoy.transport_sockets.tls",
    typedConfig: typed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", context),
  };
}

const VERSIONS = { "TLSv1.2": "TLSv1_2", "TLSv1.3": "TLSv1_3" } as const;

function parameters(from: TlsParameters): TlsParametersJson {
  const { minVersion, maxVersion, ciphers, curves, signatureAlgorithms } = from;
  return {
    tlsMinimumProtocolVersion: VERSIONS[minVersion],
    tlsMaximumProtocolVersion: VERSIONS[maxVersion],
    ...(ciphers.length === 0 ? {} : { cipherSuites: [...ciphers] }),
    ...(curves.length === 0 ? {} : { ecdhCurves: [...curves] }),
    ...(signatureAlgorithms.length === 0 ? {} : { signatureAlgorithms: [...signatureAlgorithms] }),
  };
}

function validation({ ca, serverName, subjectAltNames }: UpstreamTls, systemCaPath: string): Validation {
  const own = isIP(serverName) === 0 ? "DNS" : "IP_ADDRESS";
  return {
    trustedCa: ca === undefined ? { filename: systemCaPath } : { inlineString: ca },
    // One that fits is enough.
    matchTypedSubjectAltNames:
      subjectAltNames.length === 0
        ? [{ sanType: own, matcher: { exact: serverName } }]
        : subjectAltNames.map(({ type, value }) => ({ sanType: type, matcher: { exact: value } })),
  };
}
