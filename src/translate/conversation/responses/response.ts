import type { Answer, AnswerPart } from "../answer.ts";
import type { AnswerContext } from "../codec.ts";
import type { JsonRecord } from "../read.ts";
import { customToolNames } from "./custom-tools.ts";
import { type Ending, endingOf } from "./finish-reason.ts";
import { Output } from "./output.ts";
import { writeUsage } from "./usage.ts";

/** What is known of a response from its beginning. */
export interface ResponseHead {
  readonly id: string;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly model: string;
}

/** What is known of a response at one time. */
export interface ResponseState {
  readonly status: Ending["status"] | "in_progress" | "failed";
  readonly incomplete_details: Ending["incomplete_details"];
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly output: readonly object[];
  readonly usage: object | null;
}

/** A whole answer: https://platform.openai.com/docs/api-reference/responses/object. It has one choice; further ones have no place. */
export function writeAnswer(answer: Answer, context: AnswerContext): object {
  const head = responseHead(answer, context);
  const [choice] = answer.choices;
  const { status, incomplete_details } = endingOf(choice?.stopReason ?? "end");
  const output = new Output(head.id, () => undefined, customToolNames(context.request));
  for (const [index, part] of choice?.parts.entries() ?? []) addPart(output, index, part);
  output.close(status, choice?.logprobs);
  return {
    ...writeResponse(head, context, {
      ...{ status, incomplete_details, error: null, output: output.items },
      usage: writeUsage(answer.usage),
    }),
    ...(answer.serviceTier === undefined ? {} : { service_tier: answer.serviceTier }),
    ...answer.extensions,
    ...choice?.extensions,
  };
}

function addPart(output: Output, index: number, part: AnswerPart): void {
  output.begin(index, part);
  if (part.type === "text" || part.type === "refusal") output.grow(index, "text", part.text);
  if (part.type === "text") output.annotate(index, part.annotations);
  if (part.type === "tool-call") output.grow(index, "arguments", part.arguments);
  if (part.type !== "thinking") return;
  output.grow(index, "thinking", part.text);
  output.sign(index, part.signature);
}

/** The head of a response: what the vendor gave, else our own. */
export function responseHead(
  { id, model, createdAt }: Pick<Answer, "id" | "model" | "createdAt">,
  context: AnswerContext,
): ResponseHead {
  return {
    id: id.startsWith("resp_") ? id : `resp_${id || context.newId()}`,
    createdAt: createdAt ?? context.now(),
    model: model || context.model,
  };
}

/** A response as it is at one time; what was asked for is repeated in it, as OpenAI does. */
export function writeResponse(head: ResponseHead, { request }: AnswerContext, state: ResponseState): object {
  const { status, error, incomplete_details, output, usage } = state;
  return {
    ...{ id: head.id, object: "response", created_at: head.createdAt, status, background: false },
    ...{ error, incomplete_details, instructions: request["instructions"] ?? null },
    ...{ max_output_tokens: request["max_output_tokens"] ?? null, model: head.model, output },
    ...writeAsked(request),
    usage,
  };
}

function writeAsked(request: JsonRecord): object {
  return {
    parallel_tool_calls: request["parallel_tool_calls"] ?? true,
    previous_response_id: null,
    reasoning: request["reasoning"] ?? { effort: null, summary: null },
    // Whatever was asked for: nothing is kept that could be fetched later.
    store: false,
    temperature: request["temperature"] ?? null,
    text: request["text"] ?? { format: { type: "text" } },
    tool_choice: request["tool_choice"] ?? "auto",
    tools: request["tools"] ?? [],
    top_p: request["top_p"] ?? null,
    truncation: "disabled",
    user: request["user"] ?? null,
    metadata: request["metadata"] ?? {},
  };
}
