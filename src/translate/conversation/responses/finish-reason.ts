import type { StopReason } from "../answer.ts";

/** How a response ended: https://platform.openai.com/docs/api-reference/responses/object#responses/object-incomplete_details */
export interface Ending {
  readonly status: "completed" | "incomplete";
  readonly incomplete_details: { readonly reason: "max_output_tokens" | "content_filter" } | null;
}

/** How a response ended whose model stopped for a reason. */
export function endingOf(reason: StopReason): Ending {
  switch (reason) {
    case "max-tokens":
      return { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } };
    case "content-filter":
    case "refusal":
      return { status: "incomplete", incomplete_details: { reason: "content_filter" } };
    default:
      return { status: "completed", incomplete_details: null };
  }
}
