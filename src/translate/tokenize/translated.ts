import { GatewayError } from "../../errors/gateway-error.ts";
import { tokenCount } from "../../usage/token-usage.ts";
import { parseRecord } from "../json-body.ts";
import type { TranslatorFactory } from "../translator.ts";
import { translatedUnary } from "../unary.ts";
import type { TokenizeCodec } from "./codec.ts";
import { readTokenizeRequest } from "./request.ts";

/** Makes translators from vLLM's tokenizer to a backend that only counts. Counting costs nothing: there is no usage to note. */
export function translatedTokenize(codec: TokenizeCodec): TranslatorFactory {
  return translatedUnary({
    writeRequest: (document, target, losses) => codec.writeRequest(readTokenizeRequest(document), target, losses),
    translateAnswer: (body) => {
      const count = tokenCount(parseRecord(body)?.[codec.count]);
      if (count === undefined) {
        throw new GatewayError("upstream_invalid", "the provider's answer is not a count of tokens");
      }
      // Neither the tokens nor what the model can take is told by any of these vendors.
      return { count, max_model_len: 0, tokens: null };
    },
    readError: (status, headers, body) => codec.readError(status, headers, body),
  });
}
