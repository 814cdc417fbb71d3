/**
 * Amazon Bedrock's InvokeModel, whose bodies are each maker's own: Claude's messages, and embeddings of Titan and Cohere.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
 */
import type { Answer } from "./answer.ts";
import { ANTHROPIC_MESSAGES, messageEvents } from "./anthropic-messages.ts";
import { readConverse } from "./aws-converse.ts";
import { embed } from "./openai-embeddings.ts";
import { type JsonObject, object, type Prompt } from "./prompt.ts";
import { framedEvent, type Rendered, simulateId } from "./shape.ts";

/** Puts texts to embed into OpenAI's words; messages are as they are. */
export function readInvoke(body: JsonObject): JsonObject {
  const { inputText, texts, dimensions, output_dimension } = body;
  if (inputText === undefined && texts === undefined) return body;
  return { ...body, input: inputText ?? texts, dimensions: dimensions ?? output_dimension };
}

/** Puts a request whose tokens are to be counted, in either of its forms, into the words of messages. */
export function readCount(body: JsonObject): JsonObject {
  const { invokeModel, converse } = object(body["input"]);
  if (converse !== undefined) return readConverse(object(converse));
  try {
    return object(JSON.parse(Buffer.from(String(object(invokeModel)["body"]), "base64").toString()));
  } catch {
    // What is no request has no tokens.
    return {};
  }
}

/** A whole answer. */
export function invoke({ fields, inputs, dimensions }: Prompt, answer: Answer): Rendered {
  const { input } = answer.usage;
  const counted = answer.usageShape === "none" ? [] : ["x-amzn-bedrock-input-token-count", String(input)];
  if (fields["inputText"] !== undefined) {
    const embedding = embed(inputs[0] ?? "", dimensions);
    return { headers: counted, pieces: [JSON.stringify({ embedding, inputTextTokenCount: input })] };
  }
  if (fields["texts"] !== undefined) {
    const embeddings = inputs.map((text) => embed(text, dimensions));
    const body = { id: simulateId("", answer.serial), response_type: "embeddings_floats", embeddings };
    return { headers: counted, pieces: [JSON.stringify(body)] };
  }
  return { headers: counted, pieces: [ANTHROPIC_MESSAGES.unary(answer)] };
}

/** Claude's events, each in a frame: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html */
export function invokeStream(_prompt: Prompt, answer: Answer): Rendered {
  const pieces = messageEvents(answer).map((event) =>
    framedEvent("chunk", { bytes: Buffer.from(JSON.stringify(event)).toString("base64") }),
  );
  return { stream: true, pieces };
}
