/**
 * Configured rewrites of what goes to a backend: headers here, JSON bodies in body.ts. They run after translation, so
 * they see the request as the provider will.
 */
import type { HeaderMutation } from "../config/runtime-config.ts";
import type { HeaderMap } from "../wire/headers.ts";

/** Where the message ends and where it goes (RFC 9110 section 7.6.1): the connection's own, never a configuration's. */
const PROTECTED = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-envoy-original-path",
]);

/** Removes, then sets; names must be in lower case, and names that are not for users to change are passed over. */
export function applyHeaderMutation(headers: HeaderMap, mutation: HeaderMutation): void {
  for (const name of mutation.remove) {
    if (!isProtected(name)) headers.remove(name);
  }
  for (const { name, value } of mutation.set) {
    if (!isProtected(name)) headers.set(name, value);
  }
}

function isProtected(name: string): boolean {
  return PROTECTED.has(name) || name.startsWith(":") || name.startsWith("x-ai-eg-");
}
