/** For tests: TLS towards an upstream, with nothing special unless told. */
import type { UpstreamTls } from "./runtime-config.ts";

/** Verifies `upstream.test` by the system's CAs. */
export function testTls(changes: Partial<UpstreamTls> = {}): UpstreamTls {
  return {
    serverName: "upstream.test",
    subjectAltNames: [],
    ca: undefined,
    insecureSkipVerify: false,
    client: undefined,
    parameters: { minVersion: "TLSv1.2", maxVersion: "TLSv1.3", ciphers: [], curves: [], signatureAlgorithms: [] },
    ...changes,
  };
}
