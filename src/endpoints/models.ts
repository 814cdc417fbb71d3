import type { Endpoint } from "./endpoint.ts";

/** The list of models in OpenAI's shape: https://platform.openai.com/docs/api-reference/models/list */
export const MODELS: Endpoint = {
  name: "models",
  operation: "models",
  paths: ["/v1/models"],
  method: "GET",
  dialect: "openai",
  metering: "free",
};

/** The same list in Anthropic's shape: https://docs.anthropic.com/en/api/models-list */
export const ANTHROPIC_MODELS: Endpoint = {
  ...MODELS,
  paths: ["/anthropic/v1/models"],
  dialect: "anthropic",
};
