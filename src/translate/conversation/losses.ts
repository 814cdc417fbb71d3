/** Fields of a request that the backend cannot be told: neither dropped in silence nor fatal, unless a route says so. */
import { GatewayError } from "../../errors/gateway-error.ts";
import type { Placed } from "./conversation.ts";
import type { JsonRecord } from "./read.ts";

/** What is said once for a conversation and may have no word at the backend, as chat completions call it. */
export type ConversationField =
  | "frequency_penalty"
  | "logprobs"
  | "metadata"
  | "n"
  | "parallel_tool_calls"
  | "presence_penalty"
  | "reasoning_effort"
  | "response_format"
  | "seed"
  | "service_tier"
  | "stop"
  | "temperature"
  | "thinking"
  | "thinking.budget_tokens"
  | "thinking.display"
  | "tool_choice"
  | "top_k"
  | "top_logprobs"
  | "user";

/** The same of a part of what was said, or of a tool. */
export type PartField =
  | "cache"
  | "function.parameters"
  | "function.strict"
  | "media.detail"
  | "thinking.signature"
  | "tool-call.arguments"
  | "tool-call.id"
  | "tool-call.signature"
  | "tool-result.id";

/** Where a client dialect has its fields. */
export interface FieldPaths {
  /** The path of a field in a request, which may have one of several names. */
  field(field: ConversationField, document: JsonRecord): string;
  /** Paths inside of a part or tool. */
  readonly part: Readonly<Record<PartField, string>>;
}

/** What was lost on the way, as paths into the caller's request (`messages[2].content[0]`, `logit_bias`), each once. */
export class Losses {
  readonly #fields: FieldPaths;
  readonly #document: JsonRecord;
  readonly #paths = new Set<string>();

  /** @param document The caller's request. */
  constructor(fields: FieldPaths, document: JsonRecord) {
    this.#fields = fields;
    this.#document = document;
  }

  get paths(): readonly string[] {
    return [...this.#paths];
  }

  /** Notes a field of the conversation that is dropped. */
  drop(field: ConversationField): void {
    this.#paths.add(this.pathOf(field));
  }

  /** Notes a field of a part or tool, or all of it. */
  dropIn(place: Placed, field?: PartField): void {
    this.#paths.add(this.pathIn(place, field));
  }

  /** Notes what is at a path of the caller's request. */
  dropPath(path: string): void {
    this.#paths.add(path);
  }

  /** Where the caller has said a field, for errors. */
  pathOf(field: ConversationField): string {
    return this.#fields.field(field, this.#document);
  }

  /** Where the caller has said a field of a part or tool, or all of it. */
  pathIn({ path = "" }: Placed, field?: PartField): string {
    if (field === undefined) return path;
    return path === "" ? this.#fields.part[field] : `${path}.${this.#fields.part[field]}`;
  }
}

/** The error for a request that cannot be said in the backend's dialect at all; told to the caller as 422. */
export function untranslatable(path: string, why: string): GatewayError {
  return new GatewayError("untranslatable", `invalid request body: ${path}: ${why}`);
}

/** The error for a part that is wrong in the caller's own dialect; told as 400. */
export function malformed(path: string, why: string): GatewayError {
  return new GatewayError("invalid_request", `malformed request: ${path}: ${why}`);
}
