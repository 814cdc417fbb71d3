import type { GoogleErrorDocument } from "../../../apischema/gcp/generate-content.ts";
import type { VendorError } from "../answer.ts";

/** https://docs.cloud.google.com/apis/design/errors#http_mapping */
const STATUS_NAMES: ReadonlyMap<number, string> = new Map([
  [400, "INVALID_ARGUMENT"],
  [401, "UNAUTHENTICATED"],
  [403, "PERMISSION_DENIED"],
  [404, "NOT_FOUND"],
  [409, "ABORTED"],
  [413, "INVALID_ARGUMENT"],
  [422, "INVALID_ARGUMENT"],
  [429, "RESOURCE_EXHAUSTED"],
  [499, "CANCELLED"],
  [500, "INTERNAL"],
  [501, "UNIMPLEMENTED"],
  [502, "UNAVAILABLE"],
  [503, "UNAVAILABLE"],
  [504, "DEADLINE_EXCEEDED"],
  [529, "UNAVAILABLE"],
]);

/** Google's name for what an HTTP status says. */
export function statusName(status: number): string {
  return STATUS_NAMES.get(status) ?? (status < 500 ? "INVALID_ARGUMENT" : "INTERNAL");
}

/** An error in Google's envelope. */
export function writeError({ status, message }: VendorError): GoogleErrorDocument {
  return { error: { code: status, message, status: statusName(status) } };
}
