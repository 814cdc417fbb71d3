import * as Type from "typebox";
import type { Violation } from "./kind.ts";
import type { FieldPath } from "./resource.ts";
import { NonEmpty, object } from "./schema.ts";

/** One entry of `llmRequestCosts` and `globalLLMRequestCosts`. */
export const LLMRequestCost = object({
  metadataKey: NonEmpty,
  type: Type.Enum([
    "OutputToken",
    "InputToken",
    "CachedInputToken",
    "CacheCreationInputToken",
    "TotalToken",
    "ReasoningToken",
    "CEL",
  ]),
  cel: Type.Optional(Type.String()),
});
export type LLMRequestCost = Type.Static<typeof LLMRequestCost>;

/** What is wrong between the type and the expression of a cost. */
export function celViolation({ type, cel }: LLMRequestCost, path: FieldPath): Violation[] {
  if (type === "CEL" && !cel) return [{ path: [...path, "cel"], reason: "type CEL needs an expression here" }];
  if (type !== "CEL" && cel !== undefined) {
    return [{ path: [...path, "cel"], reason: `is only read with type: CEL, but the type is ${type}` }];
  }
  return [];
}
