/** What may come in with a request and what may go on to a backend: the trust boundary for headers. */
import { HeaderMap } from "../wire/headers.ts";
import { unitAt } from "../wire/unit-at.ts";

/** Names the gateway sets itself; a caller who sends one could otherwise choose a route, a backend or a limit. */
const RESERVED_PREFIXES = ["x-ai-eg-", "x-gateway-", "x-envoy-"] as const;

/**
 * Headers of a request that never reach a backend: those of the connection (RFC 9110 section 7.6.1), those the gateway
 * writes itself, and every header that carries a credential of the caller's.
 */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "host",
  "content-length",
  "expect",
  // Backends are asked for identity, so that usage can be read from every chunk as it comes.
  "accept-encoding",
  "authorization",
  "proxy-authorization",
  "x-api-key",
  "api-key",
  "x-goog-api-key",
  "cookie",
  // Who the caller is and how it came is nobody's business behind the gateway; proxies in front of it write these.
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-real-ip",
]);

/** Prefix of the per-request credential headers; they are for the gateway. */
const CREDENTIAL_PREFIX = "x-aigw-";

const NOT_RETURNED_PREFIXES = [...RESERVED_PREFIXES, "x-accel-"] as const;

/** Lower-cases a request's headers and leaves out what only the gateway may set. */
export function admitHeaders(raw: readonly string[]): HeaderMap {
  const headers = HeaderMap.fromRaw(raw);
  const { flat } = headers;
  let write = 0;
  for (let read = 0; read < flat.length; read += 2) {
    const name = flat[read] as string;
    // HTTP/2 pseudo headers are the request line, not headers.
    if (unitAt(name, 0) === 0x3a || isReserved(name, RESERVED_PREFIXES)) continue;
    flat[write++] = name;
    flat[write++] = flat[read + 1] as string;
  }
  if (write !== flat.length) flat.length = write;
  return headers;
}

/** The headers of a request that a backend gets before translation, mutation and credentials. */
export function forwardedHeaders(admitted: HeaderMap): HeaderMap {
  const connectionNamed = admitted.get("connection");
  const flat: string[] = [];
  for (let i = 0; i < admitted.flat.length; i += 2) {
    const name = admitted.flat[i] as string;
    if (NOT_FORWARDED.has(name) || name.startsWith(CREDENTIAL_PREFIX)) continue;
    if (connectionNamed !== undefined && isNamedIn(connectionNamed, name)) continue;
    flat.push(name, admitted.flat[i + 1] as string);
  }
  return new HeaderMap(flat);
}

/** The headers of an answer that the caller gets. */
export function returnedHeaders(upstream: HeaderMap): HeaderMap {
  const flat: string[] = [];
  for (let i = 0; i < upstream.flat.length; i += 2) {
    const name = upstream.flat[i] as string;
    if (isWithheld(name) || isReserved(name, NOT_RETURNED_PREFIXES)) continue;
    flat.push(name, upstream.flat[i + 1] as string);
  }
  return new HeaderMap(flat);
}

/**
 * Whether a header of an answer concerns the hop to the backend, or sets state at the caller in the provider's name. By length first:
 * comparing is cheap where a set would hash every name of every answer.
 */
function isWithheld(name: string): boolean {
  switch (name.length) {
    case 3:
      return name === "nel";
    case 7:
      return name === "alt-svc";
    case 9:
      return name === "report-to";
    case 10:
      return name === "set-cookie";
    case 25:
      return name === "strict-transport-security";
    default:
      return false;
  }
}

function isReserved(name: string, prefixes: readonly string[]): boolean {
  // All prefixes start with "x-": most headers are told apart by two characters.
  if (unitAt(name, 0) !== 0x78 || unitAt(name, 1) !== 0x2d) return false;
  for (const prefix of prefixes) if (name.startsWith(prefix)) return true;
  return false;
}

/** Whether a Connection header names a header, which makes that one hop-by-hop too. */
function isNamedIn(connection: string, name: string): boolean {
  if (connection === "keep-alive" || connection === "close") return false;
  return connection
    .toLowerCase()
    .split(",")
    .some((token) => token.trim() === name);
}
