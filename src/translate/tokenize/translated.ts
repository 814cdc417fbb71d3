import type { ParsedRequest } from "../../endpoints/endpoint.ts";
import { GatewayError } from "../../errors/gateway-error.ts";
import { tokenCount } from "../../usage/token-usage.ts";
import type { HeaderMap } from "../../wire/headers.ts";
import { parseBody } from "../anthropic/error.ts";
import { writeError } from "../conversation/chat-completions/error.ts";
import { CHAT_FIELDS } from "../conversation/chat-completions/fields.ts";
import { Losses } from "../conversation/losses.ts";
import { isRecord } from "../conversation/read.ts";
import {
  emptyFacts,
  type RequestPatch,
  type ResponsePatch,
  type Translator,
  type TranslatorContext,
  type TranslatorFactory,
} from "../translator.ts";
import type { TokenizeCodec } from "./codec.ts";
import { readTokenizeRequest } from "./request.ts";

const NO_LOSSES: readonly string[] = [];
const JSON_HEADERS = [["content-type", "application/json"]] as const;
const NOTHING = Buffer.alloc(0);

/** Makes translators from vLLM's tokenizer to a backend that only counts. */
export function translatedTokenize(codec: TokenizeCodec): TranslatorFactory {
  return (context) => new TokenizeAttempt(codec, context);
}

/** One attempt. Counting costs nothing, so that there is no usage to note. */
class TokenizeAttempt implements Translator {
  readonly facts = emptyFacts();
  readonly #codec: TokenizeCodec;
  readonly #context: TranslatorContext;
  #losses: Losses | undefined;

  constructor(codec: TokenizeCodec, context: TranslatorContext) {
    this.#codec = codec;
    this.#context = context;
  }

  get losses(): readonly string[] {
    return this.#losses?.paths ?? NO_LOSSES;
  }

  request(raw: Uint8Array, { model }: ParsedRequest): RequestPatch {
    const document = parseBody(raw);
    // Admission has read the top level; what is inside may still be no JSON.
    if (!isRecord(document)) throw new GatewayError("invalid_request", "malformed request: the body is not JSON");
    const target = { model: this.#context.modelOverride ?? model, context: this.#context };
    const losses = new Losses(CHAT_FIELDS, document);
    this.#losses = losses;
    const { path, body, headers } = this.#codec.writeRequest(readTokenizeRequest(document), target, losses);
    return { path, headers: [...JSON_HEADERS, ...(headers ?? [])], body: Buffer.from(JSON.stringify(body)) };
  }

  responseHeaders(): ResponsePatch {
    return { headers: JSON_HEADERS };
  }

  responseBody(body: Uint8Array): ResponsePatch {
    const document = parseBody(body);
    const count = isRecord(document) ? tokenCount(document[this.#codec.count]) : undefined;
    if (count === undefined) {
      throw new GatewayError("upstream_invalid", "the provider's answer is not a count of tokens");
    }
    this.facts.state = "complete";
    // Neither the tokens nor what the model can take is told by any of these vendors.
    const answer = { count, max_model_len: 0, tokens: null };
    return { headers: JSON_HEADERS, body: Buffer.from(JSON.stringify(answer)) };
  }

  /** Counts are never streamed. */
  streamChunk(): Uint8Array {
    return NOTHING;
  }

  streamEnd(): Uint8Array {
    return NOTHING;
  }

  responseError(status: number, headers: HeaderMap, body: Uint8Array): ResponsePatch {
    const error = writeError(this.#codec.readError(status, headers, body));
    return { headers: JSON_HEADERS, body: Buffer.from(JSON.stringify(error)) };
  }
}
