import type { SchemaName } from "../config/runtime-config.ts";
import type { EndpointName } from "../endpoints/endpoint.ts";
import type { TranslatorFactory } from "./translator.ts";

/** Everything the rest of the gateway may ask of a backend's wire format; one per folder, in its schema.ts. */
export interface ApiSchema {
  readonly name: SchemaName;
  /**
   * `gen_ai.provider.name` of metrics.
   * https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/#gen-ai-provider-name
   */
  readonly otelProvider: string;
  /** What the resource's `schema.prefix` means, for the docs; undefined = it is not read. */
  readonly prefix: string | undefined;
  /** What the resource's `schema.version` means, for the docs; undefined = it is not read. */
  readonly version: string | undefined;
  /** Header in which the vendor wants an API key; undefined = as a bearer token. */
  readonly apiKeyHeader?: string;
  /** Where requests to a backend say how long an answer may be. */
  readonly outputCaps: OutputCaps;
  /** Endpoints a backend of this schema can serve; what is missing is unsupported. */
  readonly endpoints: Readonly<Partial<Record<EndpointName, TranslatorFactory>>>;
}

/**
 * Paths of the caps on output in the bodies that backends get, as body mutations have them. Several are those of a caller whose
 * body goes on as it is.
 */
export type OutputCaps = Readonly<Partial<Record<EndpointName, readonly string[]>>>;

/** The same path for the callers of every dialect. */
export function outputCapAt(path: string): OutputCaps {
  const paths = [path];
  return { "chat-completions": paths, "generate-content": paths, messages: paths, responses: paths };
}
