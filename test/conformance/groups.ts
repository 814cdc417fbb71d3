import type { Group } from "./case.ts";
import { ACCESS_LOG } from "./cases/access-log.ts";
import { BAD_INPUT } from "./cases/bad-input.ts";
import { COSTS } from "./cases/costs.ts";
import { CREDENTIALS } from "./cases/credentials.ts";
import { ENDPOINT_CASES } from "./cases/endpoints.ts";
import { ERRORS } from "./cases/errors.ts";
import { GENERATE_CONTENT } from "./cases/generate-content.ts";
import { HTTP2 } from "./cases/http2.ts";
import { MALFORMED_HTTP } from "./cases/malformed-http.ts";
import { METRICS } from "./cases/metrics.ts";
import { MUTATION } from "./cases/mutation.ts";
import { PASSTHROUGH } from "./cases/passthrough.ts";
import { ROUTING } from "./cases/routing.ts";
import { STREAMS } from "./cases/streams.ts";
import { TIMEOUTS } from "./cases/timeouts.ts";
import { TRANSLATION } from "./cases/translation.ts";
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
  MUTATION,
  COSTS,
  METRICS,
  ACCESS_LOG,
  BAD_INPUT,
  MALFORMED_HTTP,
  HTTP2,
  UPSTREAM_FAULTS,
  TIMEOUTS,
];
