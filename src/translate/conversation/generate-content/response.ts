import type { Candidate, GenerateContentResponse, Part } from "../../../apischema/gcp/generate-content.ts";
import type { Answer, AnswerPart, Choice } from "../answer.ts";
import type { AnswerContext } from "../codec.ts";
import { isRecord } from "../read.ts";
import { finishReason } from "./finish-reason.ts";
import { writeUsage } from "./usage.ts";

/** Writes a whole answer: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse */
export function writeAnswer(answer: Answer, context: AnswerContext): GenerateContentResponse {
  const { createdAt } = answer;
  return {
    candidates: answer.choices.map(writeCandidate),
    usageMetadata: writeUsage(answer.usage),
    modelVersion: answer.model || context.model,
    ...(createdAt === undefined ? {} : { createTime: new Date(createdAt * 1000).toISOString() }),
    responseId: answer.id || context.newId(),
  };
}

function writeCandidate({ parts, stopReason }: Choice, index: number): Candidate {
  return {
    content: { parts: parts.flatMap(writePart), role: "model" },
    finishReason: finishReason(stopReason),
    index,
  };
}

function writePart(part: AnswerPart): Part[] {
  switch (part.type) {
    case "text":
    case "refusal":
      return [{ text: part.text }];
    case "thinking":
      return [{ text: part.text, thought: true, ...signed(part.signature) }];
    case "tool-call":
      return [writeCall(part)];
    case "redacted-thinking":
    case "vendor":
      return [];
  }
}

/** Writes a call of a function. */
export function writeCall(call: {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  readonly signature?: string | undefined;
}): Part {
  const { id, name, signature } = call;
  return { functionCall: { id, name, args: parseArguments(call.arguments) }, ...signed(signature) };
}

/** The member that holds a signature, if there is one. */
export function signed(signature: string | undefined): Part {
  return signature === undefined ? {} : { thoughtSignature: signature };
}

/** What a model has written that is no JSON object cannot be told: Gemini's arguments are one. */
function parseArguments(text: string): object {
  try {
    const parsed: unknown = JSON.parse(text);
    return isRecord(parsed) ? parsed : {};
  } catch {
    return {};
  }
}
