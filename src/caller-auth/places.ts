/** Where requests carry credentials. */
import type { CredentialPlaces } from "../config/callers.ts";
import type { HeaderMap } from "../wire/headers.ts";

/** What is looked at of a request. */
export interface CallerRequest {
  readonly headers: HeaderMap;
  /** Path with query. */
  readonly target: string;
}

/**
 * Where keys of the gateway are taken from: wherever the vendors' SDKs put a key.
 * https://platform.openai.com/docs/api-reference/authentication, https://docs.anthropic.com/en/api/overview,
 * https://learn.microsoft.com/en-us/azure/ai-services/openai/reference, https://ai.google.dev/api
 */
export const KEY_PLACES: CredentialPlaces = {
  headers: [
    { name: "authorization", prefix: "Bearer " },
    { name: "x-api-key", prefix: "" },
    { name: "api-key", prefix: "" },
    { name: "x-goog-api-key", prefix: "" },
  ],
  queryParams: ["key"],
  cookies: [],
};

/** Longest credential that is looked at: Node's own limit for all headers together is twice as much. */
const CREDENTIAL_CHARS_MAX = 8192;

/** Every credential at these places, in order. */
export function credentialsAt({ headers, queryParams, cookies }: CredentialPlaces, request: CallerRequest): string[] {
  const found: string[] = [];
  for (const { name, prefix } of headers) add(found, afterPrefix(request.headers.get(name), prefix));
  if (queryParams.length > 0) {
    const query = queryOf(request.target);
    for (const name of queryParams) add(found, query?.get(name) ?? undefined);
  }
  if (cookies.length > 0) {
    const header = request.headers.get("cookie");
    for (const name of cookies) add(found, header && cookieValue(header, name));
  }
  return found;
}

function add(found: string[], credential: string | undefined): void {
  const text = credential?.trim() ?? "";
  if (text !== "" && text.length <= CREDENTIAL_CHARS_MAX && !found.includes(text)) found.push(text);
}

/** Schemes are written in any case (RFC 9110 section 11.1). */
function afterPrefix(value: string | undefined, prefix: string): string | undefined {
  if (value === undefined || prefix === "") return value;
  return value.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase() ? value.slice(prefix.length) : undefined;
}

function queryOf(target: string): URLSearchParams | undefined {
  const at = target.indexOf("?");
  return at < 0 ? undefined : new URLSearchParams(target.slice(at + 1));
}

/** RFC 6265 section 5.4; of several cookies of a name the first. */
function cookieValue(header: string, name: string): string | undefined {
  for (const pair of header.split(";")) {
    const [key = "", ...value] = pair.split("=");
    if (key.trim() === name)
      return value
        .join("=")
        .trim()
        .replace(/^"(.*)"$/, "$1");
  }
  return undefined;
}

/** A path with query without the named parameters; the rest keeps its bytes. */
export function withoutParams(target: string, names: ReadonlySet<string>): string {
  const at = target.indexOf("?");
  if (at < 0 || names.size === 0) return target;
  const pairs = target.slice(at + 1).split("&");
  const kept = pairs.filter((pair) => !names.has(new URLSearchParams(pair).keys().next().value ?? ""));
  if (kept.length === pairs.length) return target;
  return kept.length === 0 ? target.slice(0, at) : `${target.slice(0, at)}?${kept.join("&")}`;
}
