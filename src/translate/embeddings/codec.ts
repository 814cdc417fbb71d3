import type { HeaderMap } from "../../wire/headers.ts";
import type { VendorError } from "../conversation/answer.ts";
import type { BackendRequest, BackendTarget } from "../conversation/codec.ts";
import type { Losses } from "../conversation/losses.ts";
import type { EmbeddingsRequest } from "./request.ts";

/** A dialect of embeddings that backends speak. Stateless. */
export interface EmbeddingsCodec {
  /**
   * Writes a request. What the dialect has no word for is noted in `losses`.
   *
   * @throws GatewayError `untranslatable` for what it cannot embed.
   */
  writeRequest(request: EmbeddingsRequest, target: BackendTarget, losses: Losses): BackendRequest;
  /** A whole 2xx answer. Throws GatewayError `upstream_invalid` when it is none. */
  readAnswer(body: Uint8Array, headers: HeaderMap, target: BackendTarget): EmbeddingsAnswer;
  /** A non-2xx answer, whatever its body is. */
  readError(status: number, headers: HeaderMap, body: Uint8Array): VendorError;
}

/** Embeddings in the order of what was embedded. */
export interface EmbeddingsAnswer {
  readonly embeddings: readonly Embedding[];
  readonly inputTokens: number | undefined;
}

/** The vector of one text. */
export interface Embedding {
  readonly values: readonly number[];
  /** Whether the text was cut because it was too long. */
  readonly isTruncated?: boolean;
}
