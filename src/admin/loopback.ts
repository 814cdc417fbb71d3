/** Which addresses and host names mean this machine only. */
import { isIP } from "node:net";

/** Whether a server bound to this host can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/**
 * Whether a Host header can only have come from a client that was told to talk to this machine. Names other than
 * `localhost` belong to someone who may point them anywhere (DNS rebinding); an address cannot be repointed.
 */
export function isLocalHostHeader(header: string | undefined): boolean {
  if (header === undefined) return false;
  const name = header.replace(/:\d*$/, "").toLowerCase();
  if (name.startsWith("[") && name.endsWith("]")) return isIP(name.slice(1, -1)) === 6;
  return name === "localhost" || isIP(name) === 4;
}
