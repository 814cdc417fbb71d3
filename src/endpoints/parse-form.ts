/** Reading of an uploaded form, shared by the endpoints that take files. */
import { GatewayError } from "../errors/gateway-error.ts";
import { KeySet, scanObject } from "../wire/json-scan.ts";
import { MultipartError, MultipartForm, readBoundary } from "../wire/multipart.ts";
import type { ParsedRequest } from "./endpoint.ts";
import { isMultipart } from "./parse-request.ts";

/** What a form is read for; one constant per endpoint. */
export interface FormRules {
  /** Path that error messages name, e.g. `/v1/audio/transcriptions`. */
  readonly path: string;
  /** Fields that must be there. */
  readonly required: readonly string[];
  /** Whether a form can ask for a stream. */
  readonly streams: boolean;
}

const NO_JSON = scanObject(Buffer.from("{}"), new KeySet([]));
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Reads model and stream flag of a form. Beside what must be there only `temperature` is looked at, as the servers of
 * some providers break off on one that is no number; everything else is the provider's to judge.
 *
 * @throws GatewayError `invalid_request`.
 */
export function parseForm(rules: FormRules, body: Uint8Array, contentType: string | undefined): ParsedRequest {
  if (contentType === undefined || !isMultipart(contentType)) {
    throw malformed(`expected multipart/form-data content type for ${rules.path}`);
  }
  const boundary = readBoundary(contentType);
  if (boundary === undefined) throw malformed("failed to parse multipart form data: missing boundary");
  try {
    const form = new MultipartForm(body, boundary);
    for (const name of rules.required) {
      if (form.field(name) === undefined) throw malformed(`missing required field '${name}'`);
    }
    checkTemperature(form);
    const stream = rules.streams && form.text("stream")?.toLowerCase() === "true";
    return {
      model: form.text("model") ?? "",
      stream,
      includeUsage: false,
      answers: 1,
      outputTokensMax: undefined,
      scanned: NO_JSON,
      form,
    };
  } catch (error) {
    if (!(error instanceof MultipartError)) throw error;
    throw malformed(`failed to parse multipart form data: ${error.message}`, error);
  }
}

function checkTemperature(form: MultipartForm): void {
  const temperature = form.text("temperature");
  if (temperature === undefined || DECIMAL.test(temperature.trim())) return;
  throw malformed(`invalid temperature value ${JSON.stringify(temperature)}: not a number`);
}

function malformed(what: string, cause?: unknown): GatewayError {
  return new GatewayError("invalid_request", `malformed request: ${what}`, { cause });
}
