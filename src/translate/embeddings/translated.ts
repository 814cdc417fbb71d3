/** Embeddings for backends that speak another dialect than OpenAI's. */
import type { ParsedRequest } from "../../endpoints/endpoint.ts";
import { GatewayError } from "../../errors/gateway-error.ts";
import { invariant } from "../../errors/invariant.ts";
import { HeaderMap } from "../../wire/headers.ts";
import { writeError } from "../conversation/chat-completions/error.ts";
import { CHAT_FIELDS } from "../conversation/chat-completions/fields.ts";
import type { BackendTarget } from "../conversation/codec.ts";
import { Losses } from "../conversation/losses.ts";
import type { JsonRecord } from "../conversation/read.ts";
import {
  emptyFacts,
  type RequestPatch,
  type ResponsePatch,
  type Translator,
  type TranslatorContext,
  type TranslatorFactory,
} from "../translator.ts";
import type { Embedding, EmbeddingsCodec } from "./codec.ts";
import { readEmbeddingsRequest } from "./request.ts";

const NO_LOSSES: readonly string[] = [];
const JSON_HEADERS = [["content-type", "application/json"]] as const;
const NOTHING = Buffer.alloc(0);

/** Makes translators from OpenAI's embeddings to a backend's and back. */
export function translatedEmbeddings(codec: EmbeddingsCodec): TranslatorFactory {
  return (context) => new EmbeddingsAttempt(codec, context);
}

/** One attempt. */
class EmbeddingsAttempt implements Translator {
  readonly facts = emptyFacts();
  readonly #codec: EmbeddingsCodec;
  readonly #context: TranslatorContext;
  #losses: Losses | undefined;
  #target: BackendTarget | undefined;
  #isBase64 = false;
  #headers = new HeaderMap();

  constructor(codec: EmbeddingsCodec, context: TranslatorContext) {
    this.#codec = codec;
    this.#context = context;
  }

  get losses(): readonly string[] {
    return this.#losses?.paths ?? NO_LOSSES;
  }

  request(raw: Uint8Array, { model }: ParsedRequest): RequestPatch {
    const document = parseDocument(raw);
    const target = { model: this.#context.modelOverride ?? model, context: this.#context };
    this.#target = target;
    this.#isBase64 = document["encoding_format"] === "base64";
    const losses = new Losses(CHAT_FIELDS, document);
    this.#losses = losses;
    const { path, body, headers } = this.#codec.writeRequest(readEmbeddingsRequest(document), target, losses);
    return { path, headers: [...JSON_HEADERS, ...(headers ?? [])], body: Buffer.from(JSON.stringify(body)) };
  }

  responseHeaders(_status: number, headers: HeaderMap): ResponsePatch {
    this.#headers = headers;
    return { headers: JSON_HEADERS };
  }

  responseBody(body: Uint8Array): ResponsePatch {
    invariant(this.#target !== undefined, "an answer follows a request");
    const { model } = this.#target;
    const { embeddings, inputTokens } = this.#codec.readAnswer(body, this.#headers, this.#target);
    const { facts } = this;
    facts.usage.inputTokens = inputTokens;
    facts.usage.totalTokens = inputTokens;
    facts.responseModel = model;
    facts.state = "complete";
    const list = {
      object: "list",
      data: embeddings.map((embedding, index) => this.#write(embedding, index)),
      model,
      usage: { prompt_tokens: inputTokens ?? 0, total_tokens: inputTokens ?? 0 },
    };
    return { headers: JSON_HEADERS, body: Buffer.from(JSON.stringify(list)) };
  }

  /** Embeddings are never streamed. */
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

  #write({ values, isTruncated }: Embedding, index: number): object {
    const embedding = this.#isBase64 ? base64(values) : values;
    return { object: "embedding", index, embedding, ...(isTruncated === true ? { truncated: true } : {}) };
  }
}

/** 32-bit floats, little-endian, as OpenAI's SDKs ask for them: https://platform.openai.com/docs/api-reference/embeddings/create */
function base64(values: readonly number[]): string {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString("base64");
}

/** Admission has read the top level; what is inside may still be no JSON. */
function parseDocument(raw: Uint8Array): JsonRecord {
  try {
    return JSON.parse(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString()) as JsonRecord;
  } catch (error) {
    throw new GatewayError("invalid_request", "malformed request: the body is not JSON", { cause: error });
  }
}
