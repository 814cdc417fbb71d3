/**
 * Answers that Envoy makes before, or instead of, asking the processor (malformed requests, heads that are too large or too
 * slow, a processor that is down), in the dialects of the callers
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/local_reply).
 */
import { type Dialect, ERROR_CODES, type ErrorCode } from "../errors/gateway-error.ts";
import { errorBody } from "../errors/to-response.ts";
import type { AccessLogFilterJson } from "../gen/envoy/config/accesslog/v3/accesslog_pb.ts";
import type {
  LocalReplyConfigJson,
  ResponseMapperJson,
} from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { typed } from "./names.ts";

interface Sentence {
  readonly code: ErrorCode;
  readonly message: string;
  /** Envoy's status where it is not the code's own. */
  readonly envoyStatus?: number;
  /** Only said where the response code details begin so. */
  readonly details?: string;
}

const MALFORMED: Sentence = { code: "invalid_request", message: "malformed request: not valid HTTP" };

/** What callers are told, per status of an answer of Envoy's own. */
const SENTENCES: readonly Sentence[] = [
  MALFORMED,
  // A transfer encoding that Envoy does not know.
  { ...MALFORMED, envoyStatus: 501 },
  { code: "request_timeout", message: "the request did not arrive in time" },
  { code: "body_too_large", message: "the request body is larger than this gateway takes" },
  { code: "headers_too_large", message: "the request headers are larger than this gateway takes" },
  { code: "rate_limited", message: "the rate limit is reached" },
  {
    code: "upstream_invalid",
    envoyStatus: 500,
    details: "response_payload_too_large",
    message: "the provider's answer is larger than this gateway takes",
  },
  { code: "internal", message: "the gateway could not complete this request" },
  { code: "upstream_invalid", message: "the gateway could not complete this request" },
  { code: "upstream_unavailable", message: "the gateway could not complete this request" },
  {
    code: "upstream_timeout",
    // The processor does not answer.
    details: "ext_proc_error",
    message: "the gateway did not decide about this request in time",
  },
  { code: "upstream_timeout", message: "the provider did not answer in time" },
];

/** Paths of endpoints whose callers speak Anthropic's dialect. */
const ANTHROPIC_PATHS = "^/(?:anthropic/|v1/messages(?:[/?]|$))";

/** Paths of endpoints whose callers speak Gemini's dialect. */
const GEMINI_PATHS = "^/v1(?:beta)?/models/[^?]*:(?:generate|streamGenerate)Content(?:[?]|$)";

/** How the response code details of every answer begin that the processor has written. */
const PROCESSOR_DETAILS = "aigw_";

/** Bodies for all answers of Envoy's own; those of the processor stay as they are. */
export function localReplyConfig(): LocalReplyConfigJson {
  return {
    mappers: [
      ...SENTENCES.map((sentence) => mapper(sentence, "anthropic", [ANTHROPIC_CALLER])),
      ...SENTENCES.map((sentence) => mapper(sentence, "gemini", [GEMINI_CALLER])),
      ...SENTENCES.map((sentence) => mapper(sentence, "openai", [])),
    ],
  };
}

const ANTHROPIC_CALLER = callerOf(ANTHROPIC_PATHS);
const GEMINI_CALLER = callerOf(GEMINI_PATHS);

function callerOf(paths: string): AccessLogFilterJson {
  return { headerFilter: { header: { name: ":path", stringMatch: { safeRegex: { regex: `${paths}.*` } } } } };
}

/** Everything but answers of the processor, which Envoy takes for its own. */
const NOT_PROCESSED = celFilter(`!${hasDetails(PROCESSOR_DETAILS)}`);

function hasDetails(beginning: string): string {
  return `response.code_details.startsWith('${beginning}')`;
}

function celFilter(expression: string): AccessLogFilterJson {
  return {
    extensionFilter: {
      name: "envoy.access_loggers.extension_filters.cel",
      typedConfig: typed("envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter", { expression }),
    },
  };
}

function mapper(
  { code, message, envoyStatus, details }: Sentence,
  dialect: Dialect,
  more: readonly AccessLogFilterJson[],
): ResponseMapperJson {
  const { httpStatus } = ERROR_CODES[code];
  const body = errorBody(code, message, { dialect, requestId: "%UNIQUE_ID%" });
  const cause = details === undefined ? NOT_PROCESSED : celFilter(hasDetails(details));
  return {
    filter: { andFilter: { filters: [statusFilter(envoyStatus ?? httpStatus), cause, ...more] } },
    ...(envoyStatus === undefined ? {} : { statusCode: httpStatus }),
    // As text: a JSON format would sort the keys.
    bodyFormatOverride: { textFormatSource: { inlineString: JSON.stringify(body) }, contentType: "application/json" },
  };
}

function statusFilter(status: number): AccessLogFilterJson {
  return {
    statusCodeFilter: { comparison: { op: "EQ", value: { defaultValue: status, runtimeKey: "aigw.unused" } } },
  };
}
