/**
 * What requests to Claude on Vertex AI have in common: the model is in the path, and the version in the body. Project and region
 * come before the path with the credential.
 * https://docs.anthropic.com/en/api/claude-on-vertex-ai
 */
import { pathSegment } from "../backend-path.ts";
import type { TranslatorContext } from "../translator.ts";

/** The path of a request to a model. */
export function rawPredictPath(model: string, stream: boolean): string {
  return `/publishers/anthropic/models/${pathSegment(model)}:${stream ? "streamRawPredict" : "rawPredict"}`;
}

/** `anthropic_version` of the body. */
export function vertexVersion({ version }: TranslatorContext): string {
  return version === undefined || version === "" ? "vertex-2023-10-16" : version;
}
