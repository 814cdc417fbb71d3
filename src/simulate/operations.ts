/** Which path is which operation of which vendor. */
import { ANTHROPIC_MESSAGES } from "./anthropic-messages.ts";
import { AZURE_CHAT, OPENAI_CHAT } from "./openai-chat.ts";
import { OPENAI_COMPLETIONS } from "./openai-completions.ts";
import { OPENAI_RESPONSES } from "./openai-responses.ts";
import { indented, type Shape } from "./shape.ts";
import type { Vendor } from "./vendor.ts";

/** One operation: how it is rendered, or that it is embeddings or the list of models, which never stream. */
export interface Operation {
  readonly vendor: Vendor;
  readonly render: Shape | "embeddings" | "models";
}

const BY_LAST_SEGMENTS: readonly (readonly [string, Operation])[] = [
  ["/chat/completions", { vendor: "openai", render: OPENAI_CHAT }],
  ["/completions", { vendor: "openai", render: OPENAI_COMPLETIONS }],
  ["/embeddings", { vendor: "openai", render: "embeddings" }],
  ["/responses", { vendor: "openai", render: OPENAI_RESPONSES }],
  ["/messages", { vendor: "anthropic", render: ANTHROPIC_MESSAGES }],
  ["/models", { vendor: "openai", render: "models" }],
];
const AZURE_PATH = /^\/openai\/(deployments\/([^/]+)\/)?(chat\/completions|embeddings|responses)$/;

/** What a path asks for. `deployment` is the model of an Azure path. */
export interface Target {
  readonly operation: Operation;
  readonly deployment: string | undefined;
}

/**
 * Finds the operation of a path without query. Only the last segments count, because providers put the same operations
 * under prefixes of their own: `/v1`, `/openai/v1`, `/v1beta/openai`, …
 */
export function findTarget(path: string, query: URLSearchParams, isAnthropicClient: boolean): Target | undefined {
  const azure = query.has("api-version") ? AZURE_PATH.exec(path) : null;
  const found = BY_LAST_SEGMENTS.find(([ending]) => path.endsWith(ending));
  if (found === undefined) return undefined;
  const [, operation] = found;
  if (azure !== null) {
    const render = operation.render === OPENAI_CHAT ? AZURE_CHAT : operation.render;
    return { operation: { vendor: "azure", render }, deployment: azure[2] };
  }
  if (operation.render === "models" && isAnthropicClient) {
    return { operation: { ...operation, vendor: "anthropic" }, deployment: undefined };
  }
  return { operation, deployment: undefined };
}

const MODELS = ["simulated", "simulated-slow"];

/** The list of models in a vendor's shape. */
export function renderModels(vendor: Vendor): string {
  if (vendor === "anthropic") {
    const data = MODELS.map((id) => ({ type: "model", id, display_name: id, created_at: "2026-01-01T00:00:00Z" }));
    return JSON.stringify({ data, has_more: false, first_id: MODELS[0], last_id: MODELS.at(-1) });
  }
  const data = MODELS.map((id) => ({ id, object: "model", created: 1767225600, owned_by: "simulated" }));
  return indented({ object: "list", data });
}
