/** What tells the vendors apart besides their answers: response headers and the shape of errors. */
import { EVENT_STREAM, indented, simulateId } from "./shape.ts";

/** A provider the simulator can be taken for. */
export type Vendor = "openai" | "azure" | "anthropic" | "cohere" | "aws" | "google";

/** A request that is answered with an error; thrown while an answer is made. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  /** OpenAI's machine-readable code, null = none. */
  readonly code: string | null;

  constructor(status: number, message: string, code: string | null = null) {
    super(message);
    this.status = status;
    this.code = code;
  }

  /** The refusal a status stands for, in a sentence a vendor might use. */
  static ofStatus(status: number): Refusal {
    return new Refusal(status, MESSAGES[status] ?? `simulated status ${status}`, CODES[status] ?? null);
  }
}

/** Response headers of a vendor, as a flat list. */
export function vendorHeaders(vendor: Vendor, serial: number, stream: boolean): string[] {
  const contentType = stream ? "text/event-stream; charset=utf-8" : "application/json";
  const limits = (prefix: string): string[] => [
    ...[`${prefix}limit-requests`, "10000", `${prefix}limit-tokens`, "2000000"],
    ...[`${prefix}remaining-requests`, "9999", `${prefix}remaining-tokens`, "1999900"],
    ...[`${prefix}reset-requests`, "6ms", `${prefix}reset-tokens`, "3ms"],
  ];
  const requestId = simulateId("req_", serial);
  switch (vendor) {
    case "openai":
      return [
        ...["content-type", contentType, "openai-organization", "simulated", "openai-processing-ms", "1"],
        ...["openai-version", "2020-10-01", ...limits("x-ratelimit-"), "x-request-id", requestId],
      ];
    case "azure":
      return [
        ...["content-type", contentType, "apim-request-id", requestId, "x-ms-region", "Simulated"],
        ...[...limits("x-ratelimit-"), "x-request-id", requestId],
      ];
    case "anthropic":
      return [
        ...["content-type", contentType, "request-id", requestId, "anthropic-organization-id", "simulated"],
        ...["anthropic-ratelimit-requests-limit", "4000", "anthropic-ratelimit-requests-remaining", "3999"],
        ...["anthropic-ratelimit-tokens-limit", "400000", "anthropic-ratelimit-tokens-remaining", "399900"],
      ];
    case "cohere":
      return ["content-type", contentType, "x-debug-trace-id", requestId, "num_chars", "0"];
    case "aws":
      return ["content-type", stream ? EVENT_STREAM : contentType, "x-amzn-requestid", simulateId("", serial)];
    case "google":
      return [
        ...["content-type", stream ? "text/event-stream" : "application/json; charset=UTF-8", "vary", "Origin"],
        ...["x-vertex-ai-llm-request-type", "shared", "server", "simulated"],
      ];
  }
}

/** What the headers of a vendor's refusal say beyond those of its answers. */
export function refusalHeaders(vendor: Vendor, { status }: Refusal): string[] {
  return vendor === "aws" ? ["x-amzn-errortype", AWS_TYPES[status] ?? "InternalServerException"] : [];
}

/** The error body of a vendor. */
export function renderRefusal(vendor: Vendor, serial: number, { status, message, code }: Refusal): string {
  switch (vendor) {
    case "openai":
      return indented({ error: { message, type: openaiType(status), param: null, code } });
    case "azure":
      return JSON.stringify({ error: { code: code ?? String(status), message } });
    case "anthropic":
      return JSON.stringify({
        type: "error",
        error: { type: ANTHROPIC_TYPES[status] ?? "api_error", message },
        request_id: simulateId("req_", serial),
      });
    case "cohere":
      return JSON.stringify({ id: simulateId("", serial), message });
    case "aws":
      return JSON.stringify({ message });
    case "google":
      return indented({ error: { code: status, message, status: GOOGLE_STATUSES[status] ?? "INTERNAL" } });
  }
}

const MESSAGES: Readonly<Record<number, string>> = {
  401: "Incorrect API key provided.",
  403: "You are not allowed to use this model.",
  404: "The model does not exist or you do not have access to it.",
  429: "Rate limit reached. Please try again in 1s.",
  500: "The server had an error while processing your request.",
  503: "The engine is currently overloaded, please try again later.",
  529: "Overloaded",
};

const CODES: Readonly<Record<number, string>> = {
  401: "invalid_api_key",
  404: "model_not_found",
  429: "rate_limit_exceeded",
};

/** https://docs.anthropic.com/en/api/errors */
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  405: "invalid_request_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  504: "timeout_error",
  529: "overloaded_error",
};

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors */
const AWS_TYPES: Readonly<Record<number, string>> = {
  400: "ValidationException",
  401: "UnrecognizedClientException",
  403: "AccessDeniedException",
  404: "ResourceNotFoundException",
  405: "UnknownOperationException",
  408: "ModelTimeoutException",
  424: "ModelErrorException",
  429: "ThrottlingException",
  503: "ServiceUnavailableException",
};

/** https://docs.cloud.google.com/apis/design/errors#handling_errors */
const GOOGLE_STATUSES: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

function openaiType(status: number): string {
  if (status === 429) return "requests";
  return status >= 500 ? "server_error" : "invalid_request_error";
}
