import { GatewayError } from "../../errors/gateway-error.ts";
import { emptyUsage, type TokenUsage } from "../../usage/token-usage.ts";
import { nonEmptyString } from "../answer-json.ts";
import type { Answer, AnswerEvent, AnswerPart, Choice, PartBegin } from "../conversation/answer.ts";
import type { BackendTarget } from "../conversation/codec.ts";
import { isRecord, type JsonRecord } from "../conversation/read.ts";
import { errorIn, vendorError } from "./error.ts";
import { stopReason } from "./finish-reason.ts";
import { readLogprobs } from "./logprobs.ts";
import { readUsage, updateUsage } from "./usage.ts";

/**
 * Reads the documents of one answer, of which a stream has many and a whole answer has one, as events.
 * https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse
 */
export class ResponseReader {
  readonly #target: BackendTarget;
  readonly #usage: TokenUsage = emptyUsage();
  readonly #candidates = new Map<number, CandidateReader>();
  #isBegun = false;
  #hasFailed = false;

  constructor(target: BackendTarget) {
    this.#target = target;
  }

  /** The events of the next document. */
  read(document: unknown): AnswerEvent[] {
    if (this.#hasFailed) return [];
    const error = errorIn(document);
    if (error !== undefined) {
      this.#hasFailed = true;
      return [{ type: "error", error: vendorError(error, undefined) }];
    }
    // In the midst of a stream a document of a newer kind says nothing that callers wait for.
    if (this.#isBegun && isRecord(document) && !isAnswer(document)) return [];
    if (!isAnswer(document)) throw notAnAnswer();
    const events: AnswerEvent[] = [];
    if (!this.#isBegun) {
      this.#isBegun = true;
      events.push(start(document));
    }
    if (document["usageMetadata"] !== undefined) {
      updateUsage(this.#usage, readUsage(document["usageMetadata"]));
      // An answer that is cut off is charged by what was said last.
      events.push({ type: "usage", usage: this.#usage });
    }
    const { candidates, promptFeedback } = document;
    const given: readonly unknown[] = Array.isArray(candidates) ? candidates : [];
    given.forEach((candidate, i) => {
      if (!isRecord(candidate)) throw notAnAnswer();
      this.#candidate(typeof candidate["index"] === "number" ? candidate["index"] : i).read(candidate, events);
    });
    const blocked = isRecord(promptFeedback) ? nonEmptyString(promptFeedback["blockReason"]) : undefined;
    if (blocked !== undefined) this.#candidate(0).block(blocked);
    return events;
  }

  /** The last events: only now is it known that nothing follows, as reasons and usage may come with every document. */
  end(): AnswerEvent[] {
    const candidates = [...this.#candidates.values()];
    const isWhole = candidates.length > 0 && candidates.every((candidate) => candidate.isFinished);
    if (this.#hasFailed || !isWhole) return [];
    const events: AnswerEvent[] = [];
    for (const candidate of candidates) candidate.end(events);
    events.push({ type: "usage", usage: this.#usage }, { type: "done" });
    return events;
  }

  /** Takes every candidate for finished: a whole document is one also without a reason. */
  finish(): void {
    if (this.#candidates.size === 0) this.#candidate(0);
    for (const candidate of this.#candidates.values()) candidate.isFinished = true;
  }

  #candidate(index: number): CandidateReader {
    let candidate = this.#candidates.get(index);
    if (candidate === undefined) {
      candidate = new CandidateReader(index, this.#target.context.newId);
      this.#candidates.set(index, candidate);
    }
    return candidate;
  }
}

/** Reads one candidate. Its parts come in pieces without numbers: what is of the same kind as the last goes on with it. */
class CandidateReader {
  readonly #choice: number;
  readonly #newId: () => string;
  #parts = 0;
  #open: "text" | "thinking" | undefined;
  #hasCalls = false;
  #reason: string | undefined;
  isFinished = false;
  readonly #logprobs: object[] = [];
  readonly #extensions: Record<string, unknown> = {};

  constructor(choice: number, newId: () => string) {
    this.#choice = choice;
    this.#newId = newId;
  }

  read(candidate: JsonRecord, events: AnswerEvent[]): void {
    const { content } = candidate;
    const parts: unknown = isRecord(content) ? content["parts"] : undefined;
    for (const part of Array.isArray(parts) ? parts : []) if (isRecord(part)) this.#part(part, events);
    const reason = nonEmptyString(candidate["finishReason"]);
    if (reason !== undefined) this.block(reason);
    this.#logprobs.push(...readLogprobs(candidate["logprobsResult"]));
    for (const [key, name] of EXTENSIONS) if (candidate[key] !== undefined) this.#extensions[name] = candidate[key];
  }

  /** Notes why nothing (more) comes. */
  block(reason: string): void {
    this.#reason = reason;
    this.isFinished = true;
  }

  end(events: AnswerEvent[]): void {
    this.#close(events);
    events.push({
      type: "stop",
      choice: this.#choice,
      reason: stopReason(this.#reason, this.#hasCalls),
      vendorReason: this.#reason,
      stopSequence: undefined,
      logprobs: this.#logprobs.length === 0 ? undefined : { content: this.#logprobs },
      extensions: this.#extensions,
    });
  }

  #part(part: JsonRecord, events: AnswerEvent[]): void {
    const { text, thought, functionCall } = part;
    const signature = nonEmptyString(part["thoughtSignature"]);
    if (isRecord(functionCall)) this.#call(functionCall, signature, events);
    else if (typeof text === "string") {
      if (text !== "") this.#grow(thought === true ? "thinking" : "text", text, events);
      if (signature !== undefined) this.#sign(signature, events);
    } else {
      this.#whole({ type: "vendor", block: part }, events);
    }
  }

  #grow(kind: "text" | "thinking", text: string, events: AnswerEvent[]): void {
    if (this.#open !== kind) this.#begin(kind, events);
    events.push({ type: kind, choice: this.#choice, part: this.#parts - 1, text });
  }

  /**
   * Other dialects have signatures with thinking only: it goes with the thinking before it, else with thinking that says
   * nothing.
   */
  #sign(signature: string, events: AnswerEvent[]): void {
    if (this.#open !== "thinking") this.#begin("thinking", events);
    events.push({ type: "signature", choice: this.#choice, part: this.#parts - 1, signature });
    this.#close(events);
  }

  /** A call comes whole. */
  #call(call: JsonRecord, signature: string | undefined, events: AnswerEvent[]): void {
    this.#hasCalls = true;
    if (signature !== undefined) this.#sign(signature, events);
    const id = nonEmptyString(call["id"]) ?? `call_${this.#newId()}`;
    const name = typeof call["name"] === "string" ? call["name"] : "";
    const text = JSON.stringify(isRecord(call["args"]) ? call["args"] : {});
    this.#whole({ type: "tool-call", id, name, signature }, events, text);
  }

  #whole(begin: PartBegin, events: AnswerEvent[], text?: string): void {
    this.#close(events);
    const choice = this.#choice;
    const part = this.#parts++;
    events.push({ type: "part", choice, part, begin });
    if (text !== undefined) events.push({ type: "arguments", choice, part, text });
    events.push({ type: "part-end", choice, part });
  }

  #begin(kind: "text" | "thinking", events: AnswerEvent[]): void {
    this.#close(events);
    this.#open = kind;
    events.push({ type: "part", choice: this.#choice, part: this.#parts++, begin: { type: kind } });
  }

  #close(events: AnswerEvent[]): void {
    if (this.#open === undefined) return;
    this.#open = undefined;
    events.push({ type: "part-end", choice: this.#choice, part: this.#parts - 1 });
  }
}

/** Members of a candidate that are passed on, and their names in other dialects. */
const EXTENSIONS = [
  ["safetyRatings", "safety_ratings"],
  ["groundingMetadata", "grounding_metadata"],
  ["citationMetadata", "citation_metadata"],
  ["urlContextMetadata", "url_context_metadata"],
] as const;

/** Reads a whole answer; also one that came as an array of events. */
export function readAnswer(body: Uint8Array, target: BackendTarget): Answer {
  const document = parseDocument(body);
  const reader = new ResponseReader(target);
  const events = (Array.isArray(document) ? document : [document]).flatMap((each: unknown) => reader.read(each));
  reader.finish();
  events.push(...reader.end());
  return collect(events);
}

/** One document of an answer. */
export function parseDocument(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch (error) {
    throw new GatewayError("upstream_invalid", "the provider's answer is not JSON", { cause: error });
  }
}

type MutableChoice = { -readonly [K in keyof Choice]: Choice[K] } & { readonly parts: AnswerPart[] };

function collect(events: readonly AnswerEvent[]): Answer {
  const choices: MutableChoice[] = [];
  let head = { id: "", model: "", createdAt: undefined as number | undefined };
  let usage = emptyUsage();
  for (const event of events) {
    if (event.type === "error") {
      const { type, message } = event.error;
      throw new GatewayError("upstream_invalid", `the provider answered with an error: ${type}: ${message}`);
    }
    if (event.type === "start") head = { id: event.id, model: event.model, createdAt: event.createdAt };
    else if (event.type === "usage") usage = event.usage;
    else if ("choice" in event) add(choiceAt(choices, event.choice), event);
  }
  return { ...head, choices: choices.filter(() => true), usage, serviceTier: undefined, extensions: {} };
}

function choiceAt(choices: MutableChoice[], index: number): MutableChoice {
  choices[index] ??= {
    parts: [],
    stopReason: "end",
    vendorReason: undefined,
    stopSequence: undefined,
    logprobs: undefined,
    extensions: {},
  };
  return choices[index];
}

function add(choice: MutableChoice, event: Extract<AnswerEvent, { readonly choice: number }>): void {
  const { parts } = choice;
  const last = parts.at(-1);
  if (event.type === "part") parts.push(begun(event.begin));
  else if (event.type === "part-end") joinSignature(parts);
  else if (event.type === "stop") {
    choice.stopReason = event.reason;
    choice.vendorReason = event.vendorReason;
    choice.logprobs = event.logprobs;
    choice.extensions = event.extensions ?? {};
  } else if (last !== undefined) {
    parts[parts.length - 1] = grown(last, event);
  }
}

/** A signature that came after the answer goes with the thinking before it, if that has none. */
function joinSignature(parts: AnswerPart[]): void {
  const last = parts.at(-1);
  if (last?.type !== "thinking" || last.text !== "") return;
  const unsigned = parts.findLastIndex((part) => part.type === "thinking" && part.signature === undefined);
  const thinking = parts[unsigned];
  if (thinking?.type !== "thinking") return;
  parts[unsigned] = { ...thinking, signature: last.signature };
  parts.pop();
}

function begun(begin: PartBegin): AnswerPart {
  switch (begin.type) {
    case "thinking":
      return { type: "thinking", text: "", signature: undefined };
    case "tool-call":
      return { ...begin, arguments: "" };
    case "text":
    case "refusal":
      return { type: begin.type, text: "" };
    default:
      return begin;
  }
}

function grown(part: AnswerPart, event: AnswerEvent): AnswerPart {
  if ("text" in part && (event.type === "text" || event.type === "thinking")) {
    return { ...part, text: part.text + event.text };
  }
  if (part.type === "thinking" && event.type === "signature") return { ...part, signature: event.signature };
  if (part.type === "tool-call" && event.type === "arguments") return { ...part, arguments: event.text };
  return part;
}

function start(document: JsonRecord): AnswerEvent {
  const created = Date.parse(String(document["createTime"]));
  return {
    type: "start",
    id: nonEmptyString(document["responseId"]) ?? "",
    model: nonEmptyString(document["modelVersion"]) ?? "",
    createdAt: Number.isNaN(created) ? undefined : Math.floor(created / 1000),
  };
}

const ANSWER_MEMBERS = ["candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"];

function isAnswer(document: unknown): document is JsonRecord {
  return isRecord(document) && ANSWER_MEMBERS.some((member) => document[member] !== undefined);
}

function notAnAnswer(): GatewayError {
  return new GatewayError("upstream_invalid", "the provider's answer is no response of generateContent");
}
