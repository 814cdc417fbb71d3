/**
 * What requests to Claude by Bedrock's InvokeModel have in common: the model is in the path, whether to stream is too, and beta
 * features are named in the body.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
 */
import type { HeaderMap } from "../../wire/headers.ts";
import { pathSegment } from "../backend-path.ts";
import type { TranslatorContext } from "../translator.ts";

/** The path of an invocation. */
export function invokePath(model: string, stream: boolean): string {
  return `/model/${pathSegment(model)}/${stream ? "invoke-with-response-stream" : "invoke"}`;
}

/** `anthropic_version` of the body. */
export function invokeVersion({ version }: TranslatorContext): string {
  return version === undefined || version === "" ? "bedrock-2023-05-31" : version;
}

/** Beta features that Bedrock knows; it refuses requests that name others, which clients do unasked. */
const BETAS: ReadonlySet<string> = new Set([
  "computer-use-2024-10-22",
  "computer-use-2025-01-24",
  "context-1m-2025-08-07",
  "context-management-2025-06-27",
  "dev-full-thinking-2025-05-14",
  "fine-grained-tool-streaming-2025-05-14",
  "interleaved-thinking-2025-05-14",
  "mcp-client-2025-04-04",
  "mcp-client-2025-11-20",
  "model-context-window-exceeded-2025-08-26",
  "output-128k-2025-02-19",
  "pdfs-2024-09-25",
  "search-results-2025-06-09",
  "token-counting-2024-11-01",
  "token-efficient-tools-2025-02-19",
  "tool-search-tool-2025-10-19",
  "web-search-2025-03-05",
]);

/** Names that Bedrock spells otherwise. */
const ALIASES: ReadonlyMap<string, string> = new Map([["advanced-tool-use-2025-11-20", "tool-search-tool-2025-10-19"]]);

/** `anthropic_beta` of the body, from every `anthropic-beta` header of the caller's; undefined when it would be empty. */
export function invokeBetas({ flat }: HeaderMap): readonly string[] | undefined {
  const betas = new Set<string>();
  for (let i = 0; i < flat.length; i += 2) {
    if (flat[i] !== "anthropic-beta") continue;
    for (const piece of (flat[i + 1] ?? "").split(",")) {
      const name = piece.trim();
      const known = ALIASES.get(name) ?? name;
      if (BETAS.has(known)) betas.add(known);
    }
  }
  return betas.size === 0 ? undefined : [...betas];
}
