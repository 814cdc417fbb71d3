/** Chat completions, as OpenAI and Azure send them (https://platform.openai.com/docs/api-reference/chat). */
import type { Answer, ToolCall } from "./answer.ts";
import { dataEvent, indented, openaiUsage, type Shape, simulateId } from "./shape.ts";

const FINGERPRINT = "fp_simulated";
const SAFE = { filtered: false, severity: "safe" };
const FILTER_RESULTS = { hate: SAFE, self_harm: SAFE, sexual: SAFE, violence: SAFE };

/** OpenAI's chat completions. */
export const OPENAI_CHAT: Shape = {
  unary: (answer) => indented(completion(answer)),
  events: (answer) => chunks(answer),
};

/** Azure's: compact, with content filter results, and a first chunk without choices. */
export const AZURE_CHAT: Shape = {
  unary: (answer) => {
    const { choices, ...body } = completion(answer);
    return JSON.stringify({
      choices: choices.map((choice) => ({ content_filter_results: FILTER_RESULTS, ...choice })),
      ...body,
      prompt_filter_results: [{ prompt_index: 0, content_filter_results: FILTER_RESULTS }],
    });
  },
  events: (answer) => {
    const first = {
      choices: [],
      created: 0,
      id: "",
      model: "",
      object: "",
      prompt_filter_results: [{ prompt_index: 0, content_filter_results: FILTER_RESULTS }],
    };
    return [dataEvent(first), ...chunks(answer)];
  },
};

function completion(answer: Answer) {
  const message = {
    role: "assistant",
    content: answer.toolCall === undefined ? answer.text : null,
    ...(answer.toolCall && { tool_calls: [toolCall(answer.toolCall, answer.serial)] }),
    refusal: null,
    annotations: [],
  };
  return {
    id: simulateId("chatcmpl-", answer.serial),
    object: "chat.completion",
    created: answer.created,
    model: answer.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason(answer) }],
    usage: openaiUsage(answer.usage, answer.usageShape),
    service_tier: "default",
    system_fingerprint: FINGERPRINT,
  };
}

function chunks(answer: Answer): string[] {
  const common = {
    id: simulateId("chatcmpl-", answer.serial),
    object: "chat.completion.chunk",
    created: answer.created,
    model: answer.model,
    service_tier: "default",
    system_fingerprint: FINGERPRINT,
  };
  const wanted = answer.includeUsage && answer.usageShape !== "none";
  const chunk = (delta: object, finish: string | null, usage: unknown = null): string => {
    const choices = [{ index: 0, delta, logprobs: null, finish_reason: finish }];
    return dataEvent({ ...common, choices, ...(answer.includeUsage && { usage }) });
  };
  const usage = openaiUsage(answer.usage, answer.usageShape);
  const onLastChoice = wanted && answer.usageShape === "last-choice";
  const events = deltas(answer).map((delta) => chunk(delta, null));
  events.push(chunk({}, finishReason(answer), onLastChoice ? usage : null));
  if (wanted && !onLastChoice) events.push(dataEvent({ ...common, choices: [], usage }));
  events.push("data: [DONE]\n\n");
  return events;
}

function deltas(answer: Answer): object[] {
  const call = answer.toolCall;
  if (call === undefined) {
    const texts = answer.pieces.map((content) => ({ content }));
    return [{ role: "assistant", content: "", refusal: null }, ...texts];
  }
  const opened = { index: 0, ...toolCall({ ...call, argumentsJson: "" }, answer.serial) };
  const middle = Math.floor(call.argumentsJson.length / 2);
  const parts = [call.argumentsJson.slice(0, middle), call.argumentsJson.slice(middle)];
  return [
    { role: "assistant", content: null, tool_calls: [opened], refusal: null },
    ...parts.map((part) => ({ tool_calls: [{ index: 0, function: { arguments: part } }] })),
  ];
}

function toolCall(call: ToolCall, serial: number) {
  const body = { name: call.name, arguments: call.argumentsJson };
  return { id: simulateId("call_", serial), type: "function", function: body };
}

function finishReason(answer: Answer): string {
  return answer.toolCall === undefined ? "stop" : "tool_calls";
}
