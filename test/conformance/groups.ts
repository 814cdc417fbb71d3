import type { Group } from "./case.ts";
import { ACCESS_LOG } from "./cases/access-log.ts";
import { AWS_SIGNATURES } from "./cases/aws-signatures.ts";
import { BAD_INPUT } from "./cases/bad-input.ts";
import { CALLERS, CALLERS_EARLY } from "./cases/callers.ts";
import { COSTS } from "./cases/costs.ts";
import { CREDENTIALS } from "./cases/credentials.ts";
import { CREDENTIALS_ISSUED } from "./cases/credentials-issued.ts";
import { ENDPOINT_CASES } from "./cases/endpoints.ts";
import { ERRORS } from "./cases/errors.ts";
import { GENERATE_CONTENT } from "./cases/generate-content.ts";
import { HTTP2 } from "./cases/http2.ts";
import { KEY_POOLS } from "./cases/key-pools.ts";
import { LIMITS } from "./cases/limits.ts";
import { MALFORMED_HTTP } from "./cases/malformed-http.ts";
import { METRICS } from "./cases/metrics.ts";
import { MUTATION } from "./cases/mutation.ts";
import { PASSTHROUGH } from "./cases/passthrough.ts";
import { ROUTING } from "./cases/routing.ts";
import { STREAMS } from "./cases/streams.ts";
import { TIMEOUTS } from "./cases/timeouts.ts";
import { TRANSLATION } from "./cases/translation.ts";
import { TRUST_BOUNDARY } from "./cases/trust-boundary.ts";
import { UPSTREAM_FAULTS } from "./cases/upstream-faults.ts";

/** Every group of cases; every host runs all of them. */
export const GROUPS: readonly Group[] = [
  ROUTING,
  PASSTHROUGH,
  ENDPOINT_CASES,
  ERRORS,
  STREAMS,
  TRANSLATION,
  GENERATE_CONTENT,
  CREDENTIALS,
  CALLERS,
  CALLERS_EARLY,
  CREDENTIALS_ISSUED,
  KEY_POOLS,
  AWS_SIGNATURES,
  MUTATION,
  COSTS,
  LIMITS,
  METRICS,
  ACCESS_LOG,
  BAD_INPUT,
  MALFORMED_HTTP,
  TRUST_BOUNDARY,
  HTTP2,
  UPSTREAM_FAULTS,
  TIMEOUTS,
];
