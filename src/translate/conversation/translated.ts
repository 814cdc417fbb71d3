import type { ParsedRequest } from "../../endpoints/endpoint.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import { JSON_HEADERS, jsonAnswer, jsonRequest, parseDocument } from "../json-body.ts";
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
import { fitToolNames, restoreAnswer, restoreEvent } from "./tool-names.ts";

const NO_LOSSES: readonly string[] = [];
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
  #losses: Losses | undefined;
  #target: BackendTarget | undefined;
  #answerContext: AnswerContext | undefined;
  #stream: { readonly reader: StreamReader; readonly writer: StreamWriter } | undefined;
  #headers: HeaderMap | undefined;
  #isStream = false;
  #callerNames: ReadonlyMap<string, string> = new Map();
  /** Why the stream cannot be read on; told once the caller has what came whole before, so that cuts make no difference. */
  #fault: unknown;

  constructor(client: ClientCodec, backend: BackendCodec, context: TranslatorContext) {
    this.#client = client;
    this.#backend = backend;
    this.#context = context;
  }

  get losses(): readonly string[] {
    return this.#losses?.paths ?? NO_LOSSES;
  }

  get streamMayBeArray(): boolean {
    return this.#backend.streamMayBeArray === true;
  }

  request(raw: Uint8Array, body: ParsedRequest): RequestPatch {
    const document = parseDocument(raw);
    const read = { ...this.#client.readRequest(document), stream: body.stream };
    const { conversation, callerNames } = fitToolNames(read, this.#backend.toolNames);
    this.#callerNames = callerNames;
    this.#isStream = body.stream;
    const model = this.#context.modelOverride ?? body.model;
    const target = { model, context: this.#context };
    this.#target = target;
    const { requestId, newId, now } = this.#context;
    this.#answerContext = { model, includeUsage: body.includeUsage, request: document, requestId, newId, now };
    const losses = new Losses(this.#client.fields, document);
    this.#losses = losses;
    return jsonRequest(this.#backend.writeRequest(conversation, target, losses));
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
    return jsonAnswer(this.#client.writeAnswer(restoreAnswer(answer, this.#callerNames), this.#answers));
  }

  streamChunk(chunk: Uint8Array): Uint8Array {
    return this.#relay(chunk);
  }

  streamEnd(): Uint8Array {
    return this.#relay(undefined);
  }

  responseError(status: number, headers: HeaderMap, body: Uint8Array): ResponsePatch {
    const error = this.#backend.readError(status, headers, body);
    return jsonAnswer(this.#client.writeError(error, this.#answers));
  }

  /** @param chunk Undefined = the upstream has ended. */
  #relay(chunk: Uint8Array | undefined): Buffer {
    if (this.#fault !== undefined) throw this.#fault;
    const { reader, writer } = this.#streaming;
    const events: AnswerEvent[] = [];
    let fault: unknown;
    try {
      if (chunk === undefined) reader.end(events);
      else reader.push(chunk, events);
    } catch (thrown) {
      fault = thrown;
    }
    const written = this.#write(events, writer);
    // What follows an answer that is whole spoils nothing.
    if (fault === undefined || this.facts.state !== "open") return written;
    if (written.length === 0) throw fault;
    this.#fault = fault;
    return written;
  }

  #write(events: readonly AnswerEvent[], writer: StreamWriter): Buffer {
    let text = "";
    for (const event of events) {
      if (this.facts.state !== "open") break;
      text += writer.write(restoreEvent(event, this.#callerNames));
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
      facts.textBytes = (facts.textBytes ?? 0) + Buffer.byteLength(event.text);
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
