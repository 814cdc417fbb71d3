import type { ParsedRequest } from "../../endpoints/endpoint.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import { JsonScanError, KeySet, scanObject } from "../../wire/json-scan.ts";
import { editFields } from "../../wire/json-splice.ts";
import { errorIn } from "../anthropic/error.ts";
import { MessagesReader } from "../anthropic/messages.ts";
import { readError } from "../aws-bedrock/error.ts";
import { writeError } from "../conversation/messages/error.ts";
import { jsonAnswer, parseJson } from "../json-body.ts";
import { Passthrough, type PassthroughParts } from "../passthrough.ts";
import type { ResponsePatch, TranslatorContext, TranslatorFactory } from "../translator.ts";
import { invokeBetas, invokePath, invokeVersion } from "./invoke.ts";
import { InvokeStreamDecoder, isEventStream, isWrapped } from "./invoke-stream.ts";

/** Messages to Claude on Bedrock: the same body but for a few fields, the same events in another frame. */
export const awsMessages: TranslatorFactory = (context) =>
  new UnwrappingPassthrough(context, {
    path: (_context, model, body) => invokePath(model, body.stream),
    edit: (body) => invokeBody(context, body, {}),
    reader: new MessagesReader(),
    wrapError: wrapAwsError,
  });

/** A body of the messages API as Bedrock wants it, with further edits. */
export function invokeBody(
  context: TranslatorContext,
  { scanned }: ParsedRequest,
  edits: Readonly<Record<string, string>>,
): Uint8Array {
  const betas = invokeBetas(context.requestHeaders);
  return editFields(scanned, {
    anthropic_version: JSON.stringify(invokeVersion(context)),
    ...(betas === undefined ? {} : { anthropic_beta: JSON.stringify(betas) }),
    model: undefined,
    stream: undefined,
    ...edits,
  });
}

/** An error of AWS's as Anthropic's callers read it; one that is Anthropic's already stays. */
export function wrapAwsError(status: number, headers: HeaderMap, body: Uint8Array, requestId: string): ResponsePatch {
  if (errorIn(parseJson(body)) !== undefined) return {};
  return jsonAnswer(writeError(readError(status, headers, body), headers.get("x-amzn-requestid") ?? requestId));
}

const EVENT_STREAM = [["content-type", "text/event-stream"]] as const;
const TYPE_KEYS = new KeySet(["type"]);

/** Takes the events of a stream out of AWS's frames before they are read as server-sent ones. */
class UnwrappingPassthrough extends Passthrough {
  readonly #decoder = new InvokeStreamDecoder();
  readonly #requestId: string;
  #isWrapped = true;
  /** Why the stream cannot be read on; told once the caller has what came whole before. */
  #fault: unknown;

  constructor(context: TranslatorContext, parts: PassthroughParts) {
    super(context, parts);
    this.#requestId = context.requestId;
  }

  override responseHeaders(status: number, headers: HeaderMap): ResponsePatch {
    this.#isWrapped = isWrapped(headers);
    return isEventStream(headers) ? { headers: EVENT_STREAM } : super.responseHeaders(status, headers);
  }

  override streamChunk(chunk: Uint8Array): Uint8Array {
    if (this.#fault !== undefined) throw this.#fault;
    const relayed = super.streamChunk(this.#isWrapped ? this.#unwrap(chunk) : chunk);
    if (this.#fault !== undefined && relayed.length === 0) throw this.#fault;
    return relayed;
  }

  override streamEnd(): Uint8Array {
    if (this.#fault !== undefined) throw this.#fault;
    return super.streamEnd();
  }

  #unwrap(chunk: Uint8Array): Buffer {
    const pieces: Buffer[] = [];
    try {
      for (const { json, error } of this.#decoder.push(chunk)) {
        if (error === undefined) pieces.push(Buffer.from(`${nameLine(json)}data: `), oneLine(json), BLANK_LINE);
        else pieces.push(Buffer.from(`event: error\ndata: ${JSON.stringify(writeError(error, this.#requestId))}\n\n`));
      }
    } catch (fault) {
      this.#fault = fault;
    }
    return Buffer.concat(pieces);
  }
}

const BLANK_LINE = Buffer.from("\n\n");

/** The line that names an event by the type in its JSON; none when it has no type, so that whoever reads it looks inside. */
function nameLine(json: Buffer): string {
  try {
    const type = scanObject(json, TYPE_KEYS).string("type");
    return type === undefined ? "" : `event: ${type}\n`;
  } catch (error) {
    if (error instanceof JsonScanError) return "";
    throw error;
  }
}

/** Line breaks of JSON are white space between tokens, but would end a line of the stream. */
function oneLine(json: Buffer): Buffer {
  return json.includes(0x0a) || json.includes(0x0d) ? Buffer.from(json.toString().replaceAll(/[\r\n]/g, " ")) : json;
}
