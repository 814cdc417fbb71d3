import type { ApiSchema } from "../api-schema.ts";
import { joinPath } from "../backend-path.ts";
import { messages } from "./messages.ts";

/** Anthropic's own API and servers compatible with it. */
export const ANTHROPIC: ApiSchema = {
  name: "Anthropic",
  otelProvider: "anthropic",
  prefix: "Path in front of the operation, default `v1`.",
  version: undefined,
  endpoints: {
    messages: messages(({ prefix }) => joinPath(prefix === "" ? undefined : prefix, "messages")),
  },
};
