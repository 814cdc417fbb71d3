/** Certificates that listeners present, as secrets of their own: a renewed certificate does not touch its listener. */
import type { Listener, ListenerCertificate } from "../config/runtime-config.ts";
import type { SecretJson } from "../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";

/** Name of the secret with one certificate of a listener. */
export function secretName(listener: Listener, certificate: ListenerCertificate): string {
  return `${listener.name}/${certificate.hostname ?? "any"}`;
}

/** The certificates that a listener presents: the first of each hostname, since no client can be presented a second one. */
export function presentedCertificates({ tls }: Listener): readonly ListenerCertificate[] {
  const certificates = tls?.certificates ?? [];
  return certificates.filter(
    ({ hostname }, index) => certificates.findIndex((other) => other.hostname === hostname) === index,
  );
}

/** The secrets of a listener; none for clear text. */
export function listenerSecrets(listener: Listener): SecretJson[] {
  return presentedCertificates(listener).map((certificate) => ({
    name: secretName(listener, certificate),
    tlsCertificate: {
      certificateChain: { inlineString: certificate.chain },
      privateKey: { inlineString: certificate.key.reveal() },
    },
  }));
}
