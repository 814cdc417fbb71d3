/**
 * Backend wire formats and the endpoints they can serve. Each schema has a folder with one file per endpoint; what
 * anyone may ask about a schema stands in its descriptor, so that nobody outside compares names.
 */
import type { SchemaName } from "../config/runtime-config.ts";
import type { EndpointName } from "../endpoints/endpoint.ts";
import { ANTHROPIC } from "./anthropic/schema.ts";
import type { ApiSchema } from "./api-schema.ts";
import { AWS_ANTHROPIC } from "./aws-anthropic/schema.ts";
import { AWS_BEDROCK } from "./aws-bedrock/schema.ts";
import { AZURE_OPENAI } from "./azure-openai/schema.ts";
import { COHERE } from "./cohere/schema.ts";
import { GCP_ANTHROPIC } from "./gcp-anthropic/schema.ts";
import { GCP_VERTEX_AI } from "./gcp-vertex-ai/schema.ts";
import { OPENAI } from "./openai/schema.ts";
import type { TranslatorFactory } from "./translator.ts";

/** Every schema with at least one endpoint. */
export const API_SCHEMAS: readonly ApiSchema[] = [
  OPENAI,
  AZURE_OPENAI,
  ANTHROPIC,
  AWS_BEDROCK,
  AWS_ANTHROPIC,
  GCP_ANTHROPIC,
  GCP_VERTEX_AI,
  COHERE,
];

const byName: ReadonlyMap<SchemaName, ApiSchema> = new Map(API_SCHEMAS.map((schema) => [schema.name, schema]));

/** The descriptor of a schema, undefined for one that no endpoint is translated to. */
export function findSchema(name: SchemaName): ApiSchema | undefined {
  return byName.get(name);
}

/** What translates an endpoint to a schema, undefined where that is unsupported. */
export function findTranslator(schema: SchemaName, endpoint: EndpointName): TranslatorFactory | undefined {
  return byName.get(schema)?.endpoints[endpoint];
}
