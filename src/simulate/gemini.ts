/** Gemini's generateContent, of AI Studio and of Vertex AI (https://ai.google.dev/api/generate-content). */
import type { Answer } from "./answer.ts";
import { type JsonObject, list, object, type Prompt } from "./prompt.ts";
import { dataEvent, indented, type Rendered, simulateId } from "./shape.ts";

const MODES: ReadonlyMap<unknown, string> = new Map([
  ["NONE", "none"],
  ["ANY", "required"],
  ["AUTO", "auto"],
]);

/** Puts a body of generateContent into the words of chat completions and messages. */
export function readGenerateContent(body: JsonObject): JsonObject {
  const { mode, allowedFunctionNames } = object(object(body["toolConfig"])["functionCallingConfig"]);
  const [name] = list(allowedFunctionNames);
  const { includeThoughts } = object(object(body["generationConfig"])["thinkingConfig"]);
  return {
    system: readContent(body["systemInstruction"]).content,
    messages: list(body["contents"]).map(readContent),
    tools: list(body["tools"])
      .flatMap((tool) => list(object(tool)["functionDeclarations"]))
      .map((declaration) => {
        const { name, parameters, parametersJsonSchema } = object(declaration);
        return { name, parameters: parametersJsonSchema ?? parameters };
      }),
    tool_choice: name === undefined ? MODES.get(mode) : { name },
    thinking: { type: includeThoughts === true ? "enabled" : "disabled" },
  };
}

function readContent(content: unknown): { readonly content: unknown } {
  return { content: list(object(content)["parts"]).map(readPart) };
}

function readPart(part: unknown): unknown {
  const { functionResponse } = object(part);
  if (functionResponse === undefined) return part;
  const { response } = object(functionResponse);
  return { type: "tool_result", content: response === undefined ? "" : JSON.stringify(response) };
}

const ERROR = { error: { code: 503, message: "Overloaded", status: "UNAVAILABLE" } };

/** A whole answer. */
export function generateContent(_prompt: Prompt, answer: Answer): Rendered {
  const parts = [...thought(answer), ...said(answer, [answer.text])];
  return { pieces: [indented(response(answer, parts, { isLast: true }))], errorPiece: indented(ERROR) };
}

/** A stream as it is with `alt=sse`. */
export function streamAsEvents(_prompt: Prompt, answer: Answer): Rendered {
  const event = (document: object): string => dataEvent(document).replaceAll("\n", "\r\n");
  return { stream: true, pieces: documents(answer).map(event), errorPiece: event(ERROR) };
}

/** A stream as it is otherwise: an array whose items come one by one. */
export function streamAsArray(_prompt: Prompt, answer: Answer): Rendered {
  const items = documents(answer).map(
    (document, i) => `${i === 0 ? "[" : ",\r\n"}${JSON.stringify(document, null, 2)}`,
  );
  return {
    ...{ stream: true, contentType: "application/json; charset=UTF-8" },
    pieces: [...items, "\n]"],
    errorPiece: `,\r\n${JSON.stringify(ERROR, null, 2)}\n]`,
  };
}

/** What a stream consists of: documents alike, the last with the reason why nothing follows. */
function documents(answer: Answer): object[] {
  const parts = [...thought(answer), ...said(answer, answer.pieces)];
  return parts.map((part, i) => response(answer, [part], { isLast: i === parts.length - 1 }));
}

function response(answer: Answer, parts: readonly object[], { isLast }: { readonly isLast: boolean }): object {
  const usageMetadata = usage(answer, isLast);
  return {
    candidates: [{ content: { role: "model", parts }, ...(isLast && { finishReason: "STOP" }), index: 0 }],
    ...(usageMetadata && { usageMetadata }),
    modelVersion: answer.model,
    createTime: new Date(answer.created * 1000).toISOString(),
    responseId: simulateId("", answer.serial),
  };
}

function thought({ thinking }: Answer): object[] {
  return thinking === undefined ? [] : [{ text: thinking, thought: true }];
}

/** What was thought is signed on the call that follows it, or on the last of the text. */
function said({ toolCall, thinking, serial }: Answer, texts: readonly string[]): object[] {
  const signed = thinking === undefined ? {} : { thoughtSignature: simulateId("sig_", serial) };
  if (toolCall !== undefined) {
    const args: unknown = JSON.parse(toolCall.argumentsJson);
    return [{ functionCall: { name: toolCall.name, args }, ...signed }];
  }
  const last = texts.at(-1) ?? "";
  return [...texts.slice(0, -1).map((text) => ({ text })), { text: last, ...signed }];
}

/** Google's candidates are without what was thought; before the end only the prompt is counted. */
function usage({ usage: told, usageShape }: Answer, isLast: boolean): object | undefined {
  if (usageShape === "none") return undefined;
  if (usageShape === "lies") return { promptTokenCount: -5, candidatesTokenCount: 1.5, totalTokenCount: "many" };
  if (!isLast) return { promptTokenCount: told.input, totalTokenCount: told.input };
  return {
    promptTokenCount: told.input,
    ...(told.cached > 0 && { cachedContentTokenCount: told.cached }),
    candidatesTokenCount: told.output - told.reasoning,
    ...(told.reasoning > 0 && { thoughtsTokenCount: told.reasoning }),
    totalTokenCount: told.input + told.output,
  };
}
