import { GatewayError } from "../../errors/gateway-error.ts";
import { noteCount } from "../anthropic/count-tokens.ts";
import { pathSegment } from "../backend-path.ts";
import { parseRecord } from "../json-body.ts";
import { type AnswerReader, Passthrough } from "../passthrough.ts";
import { emptyFacts, type ResponsePatch, type TranslatorFactory } from "../translator.ts";
import { invokeBody, wrapAwsError } from "./messages.ts";

/**
 * Counting of tokens by Bedrock, which wants the request that would be made, whole:
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
 */
export const awsCountTokens: TranslatorFactory = (context) =>
  new Passthrough(context, {
    path: (_context, model) => countPath(model),
    edit: (body) => {
      // An invocation has a limit, a count has none.
      const limit = body.scanned.has("max_tokens") ? {} : { max_tokens: "1" };
      return Buffer.from(JSON.stringify(countBody(invokeBody(context, body, limit))));
    },
    reader: new AwsCountReader(),
    wrapError: wrapAwsError,
  });

/** The path of a count. */
export function countPath(model: string): string {
  return `/model/${pathSegment(baseModel(model))}/count-tokens`;
}

/** The question how many tokens an invocation would have. */
export function countBody(invocation: Uint8Array): object {
  return { input: { invokeModel: { body: Buffer.from(invocation).toString("base64") } } };
}

/** The model behind an inference profile (`us.anthropic.claude-…`), of which Bedrock does not count. */
function baseModel(model: string): string {
  const start = model.indexOf("anthropic.");
  return start === -1 ? model : model.slice(start);
}

class AwsCountReader implements AnswerReader {
  readonly facts = emptyFacts();

  readWhole(body: Uint8Array): ResponsePatch {
    const count = parseRecord(body)?.["inputTokens"];
    if (typeof count !== "number")
      throw new GatewayError("upstream_invalid", "the provider's answer is not a count of tokens");
    noteCount(this.facts, count);
    this.facts.state = "complete";
    return { body: Buffer.from(JSON.stringify({ input_tokens: count })) };
  }

  readEvent(): boolean {
    return true;
  }
}
