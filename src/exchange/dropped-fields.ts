/** Tells what a translation had to leave out: in the access log, in a header of the answer, or as the reason of a refusal. */
import { GatewayError } from "../errors/gateway-error.ts";
import type { Translator } from "../translate/translator.ts";
import type { HeaderMap } from "../wire/headers.ts";
import type { Exchange } from "./exchange.ts";

/** Response header with the fields of the request that the backend was not told. */
export const DROPPED_FIELDS_HEADER = "x-aigw-dropped-fields";

/** Longest value of the header. */
const HEADER_BYTES_MAX = 1024;
const SEPARATOR = ", ";
const MORE = "...";

/**
 * Notes what the final attempt's backend is not told.
 *
 * @throws GatewayError `untranslatable` when the route wants all of it told.
 */
export function noteDroppedFields({ match, record }: Exchange, { losses }: Translator): void {
  record.droppedFields = losses.join(SEPARATOR);
  if (losses.length === 0 || match?.route.strictTranslation !== true) return;
  throw new GatewayError(
    "untranslatable",
    `invalid request body: the backend cannot be told these fields, and the route is strict: ${headerValue(record.droppedFields)}`,
  );
}

/** Names them to the caller. */
export function tellDroppedFields({ record }: Exchange, headers: HeaderMap): void {
  if (record.droppedFields !== "") headers.set(DROPPED_FIELDS_HEADER, headerValue(record.droppedFields));
}

/** Field names are the caller's: what a header cannot hold is replaced, and what is too long is cut between two of them. */
function headerValue(fields: string): string {
  const safe = fields.replace(/[^\x20-\x7e]/g, "?");
  if (safe.length <= HEADER_BYTES_MAX) return safe;
  const cut = safe.lastIndexOf(SEPARATOR, HEADER_BYTES_MAX - SEPARATOR.length - MORE.length);
  return cut < 0 ? MORE : `${safe.slice(0, cut)}${SEPARATOR}${MORE}`;
}
