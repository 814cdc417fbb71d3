/** Where secrets are exchanged for tokens. */
import { isIP } from "node:net";
import { isMetadataHost } from "../resources/metadata-address.ts";

/**
 * What is wrong with the URL of someone who issues tokens; undefined = nothing. Secrets are sent there, so that it has to be HTTPS;
 * clear text stays inside this machine.
 */
export function issuerUrlFault(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null) return "must be a URL, such as https://login.example.com";
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    return "must begin with https://; http:// is for this machine alone (localhost, 127.0.0.1)";
  }
  if (url.username !== "" || url.password !== "") return "must not hold a user name or a password";
  if (text.includes("#")) return "must not have a fragment";
  if (isMetadataHost(url.hostname.replace(/^\[|\]$/g, ""))) return "must not be a cloud's metadata service";
  return undefined;
}

/** `hostname` as URL writes it: IPv4 in its usual form, IPv6 in brackets. */
function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || (isIP(hostname) === 4 && hostname.startsWith("127."));
}
