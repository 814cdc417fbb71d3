/** Legacy text completions (https://platform.openai.com/docs/api-reference/completions). */
import type { Answer } from "./answer.ts";
import { dataEvent, indented, openaiUsage, type Shape, simulateId } from "./shape.ts";

/** OpenAI's completions. */
export const OPENAI_COMPLETIONS: Shape = {
  unary: (answer) => {
    const choices = [{ text: answer.text, index: 0, logprobs: null, finish_reason: "stop" }];
    return indented({ ...common(answer), choices, usage: openaiUsage(answer.usage, answer.usageShape) });
  },
  events,
};

function common(answer: Answer) {
  return {
    id: simulateId("cmpl-", answer.serial),
    object: "text_completion",
    created: answer.created,
    model: answer.model,
  };
}

function events(answer: Answer): string[] {
  const usage = openaiUsage(answer.usage, answer.usageShape);
  const onLastChoice = answer.usageShape === "last-choice";
  const chunk = (text: string, finish: string | null): string =>
    dataEvent({
      ...common(answer),
      choices: [{ text, index: 0, logprobs: null, finish_reason: finish }],
      ...(answer.includeUsage && { usage: finish !== null && onLastChoice ? usage : null }),
    });
  const result = answer.pieces.map((piece) => chunk(piece, null));
  result.push(chunk("", "stop"));
  if (answer.includeUsage && usage !== undefined && !onLastChoice) {
    result.push(dataEvent({ ...common(answer), choices: [], usage }));
  }
  result.push("data: [DONE]\n\n");
  return result;
}
