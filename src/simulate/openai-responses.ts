/** The Responses API and its events (https://platform.openai.com/docs/api-reference/responses-streaming). */
import type { Answer } from "./answer.ts";
import { indented, namedEvent, type Shape, simulateId } from "./shape.ts";

type Body = { readonly type: string; readonly [key: string]: unknown };

/** OpenAI's responses; Azure's are alike. */
export const OPENAI_RESPONSES: Shape = {
  unary: (answer) => indented(response(answer, "completed", [item(answer, "completed")])),
  events: (answer) => {
    const first = response(answer, "in_progress", []);
    const last = response(answer, "completed", [item(answer, "completed")]);
    const bodies: Body[] = [
      { type: "response.created", response: first },
      { type: "response.in_progress", response: first },
      { type: "response.output_item.added", output_index: 0, item: item(answer, "in_progress") },
      ...(answer.toolCall === undefined ? textEvents(answer) : argumentEvents(answer, answer.toolCall.argumentsJson)),
      { type: "response.output_item.done", output_index: 0, item: item(answer, "completed") },
      { type: "response.completed", response: last },
    ];
    return bodies.map(({ type, ...rest }, sequence_number) => namedEvent({ type, ...{ sequence_number, ...rest } }));
  },
};

function response(answer: Answer, status: "in_progress" | "completed", output: readonly unknown[]): object {
  return {
    id: simulateId("resp_", answer.serial),
    object: "response",
    created_at: answer.created,
    status,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: null,
    model: answer.model,
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    service_tier: "default",
    store: true,
    temperature: 1,
    text: { format: { type: "text" }, verbosity: "medium" },
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    truncation: "disabled",
    usage: status === "completed" ? usage(answer) : null,
    user: null,
    metadata: {},
  };
}

function usage({ usage: { input, cached, output, reasoning }, usageShape }: Answer): unknown {
  if (usageShape === "none") return null;
  if (usageShape === "lies") return { input_tokens: -5, output_tokens: 1.5, total_tokens: "many" };
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}

function item(answer: Answer, status: "in_progress" | "completed"): object {
  const done = status === "completed";
  if (answer.toolCall !== undefined) {
    return {
      id: itemId(answer),
      type: "function_call",
      status,
      arguments: done ? answer.toolCall.argumentsJson : "",
      call_id: simulateId("call_", answer.serial),
      name: answer.toolCall.name,
    };
  }
  return { id: itemId(answer), type: "message", status, content: done ? [part(answer.text)] : [], role: "assistant" };
}

function itemId(answer: Answer): string {
  return simulateId(answer.toolCall === undefined ? "msg_" : "fc_", answer.serial);
}

function part(text: string): object {
  return { type: "output_text", annotations: [], logprobs: [], text };
}

function textEvents(answer: Answer): Body[] {
  const at = { item_id: itemId(answer), output_index: 0, content_index: 0 };
  return [
    { type: "response.content_part.added", ...at, part: part("") },
    ...answer.pieces.map((delta) => ({ type: "response.output_text.delta", ...at, delta, logprobs: [] })),
    { type: "response.output_text.done", ...at, text: answer.text, logprobs: [] },
    { type: "response.content_part.done", ...at, part: part(answer.text) },
  ];
}

function argumentEvents(answer: Answer, argumentsJson: string): Body[] {
  const at = { item_id: itemId(answer), output_index: 0 };
  return [
    { type: "response.function_call_arguments.delta", ...at, delta: argumentsJson },
    { type: "response.function_call_arguments.done", ...at, arguments: argumentsJson },
  ];
}
