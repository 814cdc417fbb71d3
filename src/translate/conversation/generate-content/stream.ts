import type { Candidate, Part } from "../../../apischema/gcp/generate-content.ts";
import { emptyUsage, type TokenUsage } from "../../../usage/token-usage.ts";
import type { AnswerEvent, PartBegin } from "../answer.ts";
import type { AnswerContext, StreamWriter } from "../codec.ts";
import { writeError } from "./error.ts";
import { finishReason } from "./finish-reason.ts";
import { signed, writeCall } from "./response.ts";
import { writeUsage } from "./usage.ts";

type ToolCallBegin = Extract<PartBegin, { readonly type: "tool-call" }>;

/** Writes a stream as Gemini does with `alt=sse`: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent */
export class GenerateContentWriter implements StreamWriter {
  readonly #context: AnswerContext;
  #model: string;
  #id = "";
  #usage: TokenUsage = emptyUsage();
  /** Calls that are being written, by choice and part: Gemini's come whole. */
  readonly #calls = new Map<string, { readonly begin: ToolCallBegin; text: string }>();
  readonly #reasons = new Map<number, string>();

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#model = context.model;
  }

  write(event: AnswerEvent): string {
    switch (event.type) {
      case "start":
        this.#id = event.id || this.#context.newId();
        this.#model = event.model || this.#model;
        return "";
      case "part":
        if (event.begin.type === "tool-call") {
          this.#calls.set(keyOf(event), { begin: event.begin, text: "" });
        }
        return "";
      case "text":
        return this.#part(event.choice, { text: event.text });
      case "thinking":
        return this.#part(event.choice, { text: event.text, thought: true });
      case "signature":
        return this.#part(event.choice, { text: "", thought: true, ...signed(event.signature) });
      case "arguments": {
        const call = this.#calls.get(keyOf(event));
        if (call !== undefined) call.text += event.text;
        return "";
      }
      case "part-end":
        return this.#call(event);
      case "stop":
        this.#reasons.set(event.choice, finishReason(event.reason));
        return "";
      case "usage":
        this.#usage = event.usage;
        return "";
      case "ping":
        return "";
      case "error":
        return `data: ${JSON.stringify(writeError(event.error))}\n\n`;
      case "done":
        return this.#end();
    }
  }

  #call(event: { readonly choice: number; readonly part: number }): string {
    const call = this.#calls.get(keyOf(event));
    if (call === undefined) return "";
    this.#calls.delete(keyOf(event));
    return this.#part(event.choice, writeCall({ ...call.begin, arguments: call.text }));
  }

  #part(index: number, part: Part): string {
    return this.#response([{ content: { parts: [part], role: "model" }, index }]);
  }

  #end(): string {
    const candidates = [...this.#reasons].map(([index, reason]): Candidate => {
      return { content: { parts: [{ text: "" }], role: "model" }, finishReason: reason, index };
    });
    return this.#response(candidates, this.#usage);
  }

  #response(candidates: readonly Candidate[], usage?: TokenUsage): string {
    const response = {
      candidates,
      ...(usage === undefined ? {} : { usageMetadata: writeUsage(usage) }),
      modelVersion: this.#model,
      responseId: this.#id,
    };
    return `data: ${JSON.stringify(response)}\n\n`;
  }
}

function keyOf({ choice, part }: { readonly choice: number; readonly part: number }): string {
  return `${choice}/${part}`;
}
