/** Phase 3, attempt: one try at one backend. Everything is derived from the original bytes, so that a further try at
 * another backend starts clean. */
import type { UnsignedRequest } from "../backend-auth/authenticator.ts";
import type { BackendRef, RuleTimeouts, Upstream } from "../config/runtime-config.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { invariant } from "../errors/invariant.ts";
import { applyBodyMutation } from "../mutation/body.ts";
import { applyHeaderMutation } from "../mutation/header.ts";
import { pick } from "../routing/pick-backend.ts";
import type { Translator } from "../translate/translator.ts";
import type { HeaderMap } from "../wire/headers.ts";
import { withoutOwnCredential } from "./caller.ts";
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
  /** Takes the head of the answer, to learn from it whether the credential is good; undefined = nobody wants to know. */
  readonly onAnswered: ((status: number, headers: HeaderMap) => void) | undefined;
}

/** Picks the backend of the next attempt, none of those that are left out; undefined when the rule has no other. */
export function pickBackend({ context, match }: Exchange, leftOut: readonly BackendRef[] = []): BackendRef | undefined {
  invariant(match, "an attempt follows admission");
  return pick(match.choice, leftOut, context.random());
}

/**
 * What has to be waited for before the attempt at a backend begins: credentials that are being issued. Undefined in almost
 * every case. When it rejects, {@link beginAttempt} throws the same.
 */
export function pendingCredentials(exchange: Exchange, ref: BackendRef | undefined): Promise<void> | undefined {
  const pending = ref && exchange.context.credentials.of(ref.backend.auth).pending(withoutOwnCredential(exchange));
  // For the limits of the wait.
  if (pending !== undefined) exchange.record.attemptMs = exchange.context.nowMs();
  return pending;
}

/**
 * Translates, mutates and signs for a backend of the request's rule.
 *
 * @throws GatewayError `upstream_unavailable` when the rule has no backend to try, `unsupported` when the backend's
 *   schema has no such endpoint, and what translation and credentials throw.
 */
export function beginAttempt(exchange: Exchange, ref: BackendRef | undefined): Attempt {
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
    requestId: record.requestId,
    newId: context.newId,
    now: () => Math.floor(context.wallMs() / 1000),
  });
  const patch = translator.request(body, parsed);
  noteDroppedFields(exchange, translator);
  const headers = forwardedHeaders(exchange.headers);
  for (const name of prepared.withheld) headers.remove(name);
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  headers.set("x-request-id", record.requestId);
  setHeaders(headers, patch.headers);
  applyHeaderMutation(headers, ref.headerMutation);
  const request: UnsignedRequest = {
    method: "POST",
    path: patch.path,
    authority: authorityOf(backend.upstream),
    headers,
    body: applyBodyMutation(patch.body ?? body, prepared.bodyMutation),
    apiKeyHeader: prepared.apiKeyHeader,
  };
  // Last: a signature holds for exactly what is sent.
  const onAnswered = context.credentials.of(backend.auth).sign(request, withoutOwnCredential(exchange));
  const attempt = {
    ref,
    upstream: backend.upstream,
    timeouts: match.rule.timeouts,
    translator,
    method: request.method,
    path: request.path,
    headers,
    body: request.body,
    onAnswered,
  };
  exchange.attempt = attempt;
  logAttempt(exchange, attempt);
  return attempt;
}

/** The Host header that a request to the upstream has; where it is signed, all endpoints have the same (see config/). */
function authorityOf({ endpoints }: Upstream): string {
  return endpoints[0]?.authority ?? "";
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
