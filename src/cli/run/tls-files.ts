/** Certificates of a server that Envoy asks, which are renewed while it runs. */
import { readFileSync } from "node:fs";
import type { GrpcServer, GrpcTls } from "../../grpc/server.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { TlsFiles } from "./fleet.ts";
import { watchPaths } from "./watch.ts";

/** Reads the files; throws when one is not there. */
export function readTls({ cert, key, ca }: TlsFiles): GrpcTls {
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8"), ca: readFileSync(ca, "utf8") };
}

/**
 * Gives a server what the files hold whenever that changes. While they do not fit together, as between the writing of a
 * certificate and that of its key, the server keeps what it has.
 *
 * @param inForce What the server has.
 * @returns A function that ends the watch.
 */
export function watchTls(
  files: TlsFiles,
  inForce: GrpcTls,
  server: Pick<GrpcServer, "setTls">,
  log: Logger,
): () => void {
  let seen = JSON.stringify(inForce);
  return watchPaths(Object.values(files), () => {
    const text = read(files);
    if (text === seen) return;
    seen = text;
    try {
      server.setTls(readTls(files));
      log.info("new certificates are used");
    } catch (error) {
      log.warn("the new certificates cannot be used; the old ones stay in force", { error });
    }
  });
}

function read(files: TlsFiles): string {
  try {
    return JSON.stringify(readTls(files));
  } catch {
    // Gone for the moment, as while an editor replaces one.
    return "";
  }
}
