/** Phase 3, attempt: one try at one backend. Everything is derived from the original bytes, so that a further try at
 * another backend starts clean. */
import { authenticate } from "../backend-auth/key-auth.ts";
import type { BackendRef, RuleTimeouts, Upstream } from "../config/runtime-config.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { invariant } from "../errors/invariant.ts";
import { applyBodyMutation } from "../mutation/body.ts";
import { applyHeaderMutation } from "../mutation/header.ts";
import { pick } from "../routing/pick-backend.ts";
import type { Translator } from "../translate/translator.ts";
import type { HeaderMap } from "../wire/headers.ts";
import { logAttempt } from "./debug-log.ts";
import { forwardedHeaders } from "./door.ts";
import { noteDroppedFields } from "./dropped-fields.ts";
import type { Exchange } from "./exchange.ts";

/** A request ready to leave, and the translator that will read its answer. */
export interface Attempt {
  readonly ref: BackendRef;
  readonly upstream: Upstream;
  readonly timeouts: RuleTimeouts;
  readonly translator: Translator;
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
}

/** Picks a backend and begins an attempt at it; see {@link beginAttemptAt}. */
export function beginAttempt(exchange: Exchange): Attempt {
  const { context, match } = exchange;
  invariant(match, "an attempt follows admission");
  return beginAttemptAt(exchange, pick(match.choice, [], context.random()));
}

/**
 * Translates, mutates and signs for a backend of the request's rule.
 *
 * @throws GatewayError `upstream_unavailable` when the rule has no backend to try, `unsupported` when the backend's
 *   schema has no such endpoint, and what translation and credentials throw.
 */
export function beginAttemptAt(exchange: Exchange, ref: BackendRef | undefined): Attempt {
  const { context, endpoint, match, body, parsed, plan, record } = exchange;
  invariant(endpoint && match && body && parsed, "an attempt follows admission");
  if (ref === undefined) throw new GatewayError("upstream_unavailable", "no backend of the route can take requests");
  const { backend } = ref;
  const prepared = plan.attempt(ref, endpoint.name);
  if (record.attempts > 0) record.failedBackends = [...record.failedBackends, record.backendName];
  record.attempts += 1;
  record.attemptMs = context.nowMs();
  record.backend = ref.id;
  record.backendName = backend.id;
  record.provider = prepared.provider;
  record.requestModel = ref.modelNameOverride ?? parsed.model;
  if (prepared.createTranslator === undefined) {
    throw new GatewayError(
      "unsupported",
      `${endpoint.name} is not supported on backends with schema ${backend.schema.name}`,
    );
  }

  const translator = prepared.createTranslator({
    prefix: backend.schema.prefix,
    version: backend.schema.version,
    modelOverride: ref.modelNameOverride,
    requestHeaders: exchange.headers,
    newId: context.newId,
    now: () => Math.floor(context.wallMs() / 1000),
  });
  const patch = translator.request(body, parsed);
  noteDroppedFields(exchange, translator);
  const headers = forwardedHeaders(exchange.headers);
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  headers.set("x-request-id", record.requestId);
  setHeaders(headers, patch.headers);
  applyHeaderMutation(headers, ref.headerMutation);
  const sent = applyBodyMutation(patch.body ?? body, prepared.bodyMutation);
  authenticate(backend.auth, exchange.headers, headers);

  const attempt = {
    ref,
    upstream: backend.upstream,
    timeouts: match.rule.timeouts,
    translator,
    method: "POST",
    path: patch.path,
    headers,
    body: sent,
  };
  exchange.attempt = attempt;
  logAttempt(exchange, attempt);
  return attempt;
}

/** Applies header edits of a translator: undefined removes. */
export function setHeaders(
  headers: HeaderMap,
  edits: readonly (readonly [string, string | undefined])[] | undefined,
): void {
  if (edits === undefined) return;
  for (const [name, value] of edits) {
    if (value === undefined) headers.remove(name);
    else headers.set(name, value);
  }
}
