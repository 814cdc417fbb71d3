/** Certificates of the commands that Envoy asks over gRPC. */
import type { Command } from "commander";
import type { TlsFiles } from "./run/fleet.ts";

/** Paths as commander gives them. */
export interface TlsOptions {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
}

/** Adds the options of {@link TlsOptions}. */
export function addTlsOptions(command: Command, who: string): Command {
  return command
    .option("--tls-cert <file>", `certificate of this ${who}, with its chain`)
    .option("--tls-key <file>", "its key")
    .option("--tls-ca <file>", "the CA that signed the certificates of the Envoys that may ask");
}

/** The files; undefined = clear text. Throws where some are missing. */
export function tlsFiles({ tlsCert, tlsKey, tlsCa }: TlsOptions): TlsFiles | undefined {
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined || tlsCa === undefined) {
    throw new Error("--tls-cert, --tls-key and --tls-ca belong together");
  }
  return { cert: tlsCert, key: tlsKey, ca: tlsCa };
}
