import type { AnthropicErrorDocument } from "../../../apischema/anthropic/error.ts";
import { anthropicErrorType } from "../../anthropic/error.ts";
import type { VendorError } from "../answer.ts";

/**
 * An error as Anthropic tells it: https://docs.anthropic.com/en/api/errors. A vendor's type that reads like one of Anthropic's
 * (`rate_limit_error`) is kept; any other (`ThrottlingException`, `insufficient_quota`) gives way to the type of the status.
 */
export function writeError({ type, message, status }: VendorError, requestId: string): AnthropicErrorDocument {
  const isLikeOurs = type.endsWith("_error");
  return {
    type: "error",
    error: { type: isLikeOurs ? type : anthropicErrorType(status), message },
    request_id: requestId,
  };
}
