/** What endpoints of OpenAI's dialect that never stream have in common at backends that speak another one. */
import type { ParsedRequest } from "../endpoints/endpoint.ts";
import { invariant } from "../errors/invariant.ts";
import type { HeaderMap } from "../wire/headers.ts";
import type { VendorError } from "./conversation/answer.ts";
import { writeError } from "./conversation/chat-completions/error.ts";
import { CHAT_FIELDS } from "./conversation/chat-completions/fields.ts";
import type { BackendRequest, BackendTarget } from "./conversation/codec.ts";
import { Losses } from "./conversation/losses.ts";
import type { JsonRecord } from "./conversation/read.ts";
import { JSON_HEADERS, jsonAnswer, jsonRequest, parseDocument } from "./json-body.ts";
import {
  type AnswerFacts,
  emptyFacts,
  type RequestPatch,
  type ResponsePatch,
  type Translator,
  type TranslatorContext,
  type TranslatorFactory,
} from "./translator.ts";

const NO_LOSSES: readonly string[] = [];
const NOTHING = Buffer.alloc(0);

/** An endpoint at a backend. Stateless. */
export interface UnaryCodec {
  /** Writes the backend's request for the caller's. Throws GatewayError `invalid_request` or `untranslatable`. */
  writeRequest(document: JsonRecord, target: BackendTarget, losses: Losses): BackendRequest;
  /**
   * Gives the document that the caller gets for a whole 2xx answer, and notes usage and model.
   *
   * @throws GatewayError `upstream_invalid` when it is no such answer.
   */
  translateAnswer(body: Uint8Array, request: AnsweredRequest, facts: AnswerFacts): object;
  /** A non-2xx answer, whatever its body is. */
  readError(status: number, headers: HeaderMap, body: Uint8Array): VendorError;
}

/** What an answer is read by. */
export interface AnsweredRequest {
  /** The caller's request. */
  readonly document: JsonRecord;
  readonly target: BackendTarget;
  /** The answer's head. */
  readonly headers: HeaderMap;
}

/** Makes translators from OpenAI's dialect to a backend's and back. */
export function translatedUnary(codec: UnaryCodec): TranslatorFactory {
  return (context) => new UnaryAttempt(codec, context);
}

/** One attempt. */
class UnaryAttempt implements Translator {
  readonly facts = emptyFacts();
  readonly #codec: UnaryCodec;
  readonly #context: TranslatorContext;
  #losses: Losses | undefined;
  #request: Omit<AnsweredRequest, "headers"> | undefined;
  #headers: HeaderMap | undefined;

  constructor(codec: UnaryCodec, context: TranslatorContext) {
    this.#codec = codec;
    this.#context = context;
  }

  get losses(): readonly string[] {
    return this.#losses?.paths ?? NO_LOSSES;
  }

  request(raw: Uint8Array, { model }: ParsedRequest): RequestPatch {
    const document = parseDocument(raw);
    const target = { model: this.#context.modelOverride ?? model, context: this.#context };
    this.#request = { document, target };
    this.#losses = new Losses(CHAT_FIELDS, document);
    return jsonRequest(this.#codec.writeRequest(document, target, this.#losses));
  }

  responseHeaders(_status: number, headers: HeaderMap): ResponsePatch {
    this.#headers = headers;
    return { headers: JSON_HEADERS };
  }

  responseBody(body: Uint8Array): ResponsePatch {
    invariant(this.#request !== undefined && this.#headers !== undefined, "a body follows a request and a head");
    const document = this.#codec.translateAnswer(body, { ...this.#request, headers: this.#headers }, this.facts);
    this.facts.state = "complete";
    return jsonAnswer(document);
  }

  streamChunk(): Uint8Array {
    return NOTHING;
  }

  streamEnd(): Uint8Array {
    return NOTHING;
  }

  responseError(status: number, headers: HeaderMap, body: Uint8Array): ResponsePatch {
    return jsonAnswer(writeError(this.#codec.readError(status, headers, body)));
  }
}
