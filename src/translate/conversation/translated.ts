import type { ParsedRequest } from "../../endpoints/endpoint.ts";
import { GatewayError } from "../../errors/gateway-error.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import {
  type AnswerFacts,
  emptyFacts,
  type RequestPatch,
  type ResponsePatch,
  type Translator,
  type TranslatorContext,
  type TranslatorFactory,
} from "../translator.ts";
import type { AnswerEvent, VendorError } from "./answer.ts";
import type { AnswerContext, BackendCodec, BackendTarget, ClientCodec, StreamReader, StreamWriter } from "./codec.ts";
import { Losses } from "./losses.ts";

const JSON_HEADERS = [["content-type", "application/json"]] as const;
const STREAM_HEADERS = [["content-type", "text/event-stream"]] as const;

/** Makes translators from a client dialect to a backend dialect and back. */
export function translated(client: ClientCodec, backend: BackendCodec): TranslatorFactory {
  return (context) => new TranslatedAttempt(client, backend, context);
}

/** One attempt. */
class TranslatedAttempt implements Translator {
  readonly facts: AnswerFacts = emptyFacts();
  readonly #client: ClientCodec;
  readonly #backend: BackendCodec;
  readonly #context: TranslatorContext;
  readonly #losses = new Losses();
  #target: BackendTarget | undefined;
  #answerContext: AnswerContext | undefined;
  #stream: { readonly reader: StreamReader; readonly writer: StreamWriter } | undefined;
  #headers: HeaderMap | undefined;
  #isStream = false;

  constructor(client: ClientCodec, backend: BackendCodec, context: TranslatorContext) {
    this.#client = client;
    this.#backend = backend;
    this.#context = context;
  }

  get losses(): readonly string[] {
    return this.#losses.paths;
  }

  get streamMayBeArray(): boolean {
    return this.#backend.streamMayBeArray === true;
  }

  request(raw: Uint8Array, body: ParsedRequest): RequestPatch {
    const document = parseDocument(raw);
    const conversation = { ...this.#client.readRequest(document), stream: body.stream };
    this.#isStream = body.stream;
    const model = this.#context.modelOverride ?? body.model;
    const target = { model, context: this.#context };
    this.#target = target;
    const { newId, now } = this.#context;
    this.#answerContext = { model, includeUsage: body.includeUsage, request: document, newId, now };
    const { path, body: written, headers } = this.#backend.writeRequest(conversation, target, this.#losses);
    return { path, headers: [...JSON_HEADERS, ...(headers ?? [])], body: Buffer.from(JSON.stringify(written)) };
  }

  responseHeaders(_status: number, headers: HeaderMap): ResponsePatch {
    this.#headers = headers;
    return { headers: this.#isStream ? STREAM_HEADERS : JSON_HEADERS };
  }

  responseBody(body: Uint8Array): ResponsePatch {
    const answer = this.#backend.readAnswer(body, this.#upstreamHeaders, this.#asked);
    Object.assign(this.facts.usage, answer.usage);
    if (answer.model !== "") this.facts.responseModel = answer.model;
    this.facts.state = "complete";
    const written = this.#client.writeAnswer(answer, this.#answers);
    return { headers: JSON_HEADERS, body: Buffer.from(JSON.stringify(written)) };
  }

  streamChunk(chunk: Uint8Array): Uint8Array {
    const { reader, writer } = this.#streaming;
    return this.#write(reader.push(chunk), writer);
  }

  streamEnd(): Uint8Array {
    const { reader, writer } = this.#streaming;
    return this.#write(reader.end(), writer);
  }

  responseError(status: number, headers: HeaderMap, body: Uint8Array): ResponsePatch {
    const error = this.#backend.readError(status, headers, body);
    const written = this.#client.writeError(error, this.#answers);
    return { headers: [...JSON_HEADERS], body: Buffer.from(JSON.stringify(written)) };
  }

  #write(events: readonly AnswerEvent[], writer: StreamWriter): Buffer {
    let text = "";
    for (const event of events) {
      if (this.facts.state !== "open") break;
      text += writer.write(event);
      this.#note(event);
    }
    return Buffer.from(text);
  }

  #note(event: AnswerEvent): void {
    const { facts } = this;
    facts.events += 1;
    if (event.type === "start" && event.model !== "") facts.responseModel = event.model;
    else if (event.type === "usage") Object.assign(facts.usage, event.usage);
    else if (event.type === "done") facts.state = "complete";
    else if (event.type === "error") this.#failed(event.error);
    else if (event.type === "text" || event.type === "thinking" || event.type === "arguments") {
      facts.eventBytes += Buffer.byteLength(event.text);
    }
  }

  #failed(error: VendorError): void {
    this.facts.state = "failed";
    this.facts.errorType = error.type;
  }

  get #streaming(): { readonly reader: StreamReader; readonly writer: StreamWriter } {
    this.#stream ??= {
      reader: this.#backend.streamReader(this.#upstreamHeaders, this.#asked),
      writer: this.#client.streamWriter(this.#answers),
    };
    return this.#stream;
  }

  get #asked(): BackendTarget {
    if (this.#target === undefined) throw new Error("an answer follows a request");
    return this.#target;
  }

  get #answers(): AnswerContext {
    if (this.#answerContext === undefined) throw new Error("an answer follows a request");
    return this.#answerContext;
  }

  get #upstreamHeaders(): HeaderMap {
    if (this.#headers === undefined) throw new Error("a body follows a head");
    return this.#headers;
  }
}

/** Admission has read the top level; what is inside may still be no JSON. */
function parseDocument(raw: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString()) as Record<string, unknown>;
  } catch (error) {
    throw new GatewayError("invalid_request", "malformed request: the body is not JSON", { cause: error });
  }
}
