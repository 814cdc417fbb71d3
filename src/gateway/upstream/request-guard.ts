/** The last look at what goes on the wire: nothing that could end a line or a header early passes (RFC 9110 section 5.5),
 * wherever it came from. */
import { GatewayError } from "../../errors/gateway-error.ts";
import { isFieldValue, isLowerFieldName } from "../../wire/http1-fields.ts";

const METHOD = /^[A-Z]+$/;
/** Visible ASCII, from the root. */
const PATH = /^\/[\x21-\x7e]*$/;

/** Headers that belong to the connection; whoever sets them is overruled. */
const OWN = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Checks a request line.
 *
 * @throws GatewayError `internal`, because what builds requests has to encode what it puts there.
 */
export function checkTarget(method: string, path: string): void {
  if (!METHOD.test(method) || !PATH.test(path)) throw unwritable("request line");
}

/**
 * Checks a header, and tells whether it is to be written: false for those that belong to the connection.
 *
 * @throws GatewayError `internal`.
 */
export function checkHeader(name: string, value: string): boolean {
  if (OWN.has(name)) return false;
  if (!isLowerFieldName(name)) throw unwritable("header name");
  // What is above 0xff would be cut to its low byte when written, and U+010A is a line feed then.
  if (!isFieldValue(value)) throw unwritable("header value");
  return true;
}

function unwritable(what: string): GatewayError {
  return new GatewayError("internal", `the request to the upstream has a malformed ${what}`, { expose: false });
}
