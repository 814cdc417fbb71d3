/** What a request's headers become on their way through Envoy. */

import { withoutParams } from "../caller-auth/places.ts";
import type { BackendRef } from "../config/runtime-config.ts";
import type { Attempt } from "../exchange/attempt.ts";
import { ROUTE_HEADER } from "../exchange/envoy-names.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { MODEL_HEADER } from "../routing/route-table.ts";
import { type HeaderEdits, headerEdits } from "./header-edits.ts";

/** Headers that Envoy's later filters, its route table and its logs read; its routes keep them from providers. */
export function routingEdits({ match, parsed, target, plan }: Exchange): string[] {
  const path = withoutParams(target, plan.credentialParams);
  return [
    ROUTE_HEADER,
    match?.rule.key ?? "",
    MODEL_HEADER,
    headerText(parsed?.model ?? ""),
    "x-ai-eg-original-path",
    path,
    "x-envoy-original-path",
    path,
  ];
}

/** The edits that let Envoy's later filters see who calls, and never what a caller says of itself. */
export function callerEdits(seen: readonly string[], { plan, listener, headers }: Exchange): HeaderEdits {
  const edits: HeaderEdits = { set: [], remove: [] };
  for (const name of plan.port(listener).callers?.ownHeaders ?? []) {
    const value = headers.get(name);
    if (value !== undefined) edits.set.push(name, value);
    else if (seen.some((one, i) => i % 2 === 0 && one === name)) edits.remove.push(name);
  }
  return edits;
}

const VISIBLE = /^[\x20-\x7e]*$/;

/** A text as a header's value, which Envoy refuses with control characters in it; percent-encoded where it is not ASCII. */
function headerText(text: string): string {
  return VISIBLE.test(text) ? text : encodeURIComponent(text.toWellFormed());
}

/**
 * The edits that make a request an attempt.
 *
 * @param seen The headers that Envoy has now.
 * @param replaced Whether the body is replaced too.
 */
export function attemptEdits(seen: readonly string[], attempt: Attempt, replaced: boolean): HeaderEdits {
  const edits = headerEdits(seen, attempt.headers.flat);
  if (headerValue(seen, ":path") !== attempt.path) edits.set.push(":path", attempt.path);
  if (replaced) edits.set.push("content-length", String(attempt.body.length));
  return edits;
}

/** Key of the attributes in what Envoy sends. */
export const FILTER_ATTRIBUTES = "envoy.filters.http.ext_proc";
/** The backend of a request's rule by its id; undefined when it is none of them. */
export function refOf({ match }: Exchange, id: string): BackendRef | undefined {
  return match?.rule.backends.find((ref) => ref.id === id);
}

/** The first value of a header, "" for none. */
export function headerValue(flat: readonly string[], name: string): string {
  for (let i = 0; i < flat.length; i += 2) if (flat[i] === name) return flat[i + 1] as string;
  return "";
}
