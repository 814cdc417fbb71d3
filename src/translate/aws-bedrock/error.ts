import type { EventStreamMessage } from "../../wire/aws-event-stream.ts";
import { eventStreamText } from "../../wire/aws-event-stream.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import { nonEmptyString } from "../answer-json.ts";
import type { VendorError } from "../conversation/answer.ts";
import { errorText } from "../error-text.ts";
import { parseRecord } from "../json-body.ts";

/** Type of errors that have none of their own: what comes from a proxy, mostly. */
const UNNAMED = "AWSBedrockBackendError";

/**
 * Statuses of the exceptions that may come inside of a stream, where there is no status line any more.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html#API_runtime_ConverseStream_Errors
 */
const STATUSES: ReadonlyMap<string, number> = new Map([
  ["ValidationException", 400],
  ["AccessDeniedException", 403],
  ["ModelTimeoutException", 408],
  ["ModelStreamErrorException", 424],
  ["ThrottlingException", 429],
  ["InternalServerException", 500],
  ["ServiceUnavailableException", 503],
]);

/** Reads an answer that is no 2xx: the type is in `x-amzn-errortype`, or in the body's `__type`. */
export function readError(status: number, headers: HeaderMap, body: Uint8Array): VendorError {
  const document = parseRecord(body) ?? {};
  const message = nonEmptyString(document["message"]) ?? nonEmptyString(document["Message"]);
  const type = nonEmptyString(headers.get("x-amzn-errortype")) ?? nonEmptyString(document["__type"]);
  return {
    type: type === undefined ? UNNAMED : plainType(type),
    message: message ?? errorText(status, headers, body),
    status,
  };
}

/** Reads an event stream message of the type `exception` or `error`, undefined for any other. */
export function readException(message: EventStreamMessage): VendorError | undefined {
  switch (eventStreamText(message, ":message-type")) {
    case "exception": {
      const type = capitalised(eventStreamText(message, ":exception-type") ?? UNNAMED);
      const document = parseRecord(message.payload) ?? {};
      const text = nonEmptyString(document["message"]) ?? nonEmptyString(document["originalMessage"]);
      return { type, message: text ?? `the provider ended the stream with ${type}`, status: STATUSES.get(type) ?? 500 };
    }
    case "error": {
      const type = eventStreamText(message, ":error-code") ?? UNNAMED;
      const text = eventStreamText(message, ":error-message") ?? `the provider ended the stream with ${type}`;
      return { type, message: text, status: STATUSES.get(type) ?? 500 };
    }
    default:
      return undefined;
  }
}

/** `ThrottlingException` of `ThrottlingException:http://internal.amazon.com/…` and of `com.amazon#ThrottlingException`. */
function plainType(said: string): string {
  return said.replace(/^[^:]*#/, "").replace(/:.*$/s, "");
}

/** In streams the names begin with a small letter. */
function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
