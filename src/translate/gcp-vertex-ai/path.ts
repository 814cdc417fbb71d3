import { joinPath, pathSegment } from "../backend-path.ts";
import type { BackendTarget } from "../conversation/codec.ts";

/**
 * The path of an operation of a model's. Vertex AI's begins at the publisher, and the credential puts project and region
 * in front; with a prefix (`v1beta`) it is that of AI Studio, which knows neither.
 */
export function modelPath({ context: { prefix }, model }: BackendTarget, operation: string): string {
  const name = `models/${pathSegment(model)}:${operation}`;
  return prefix === undefined || prefix === "" ? `/publishers/google/${name}` : joinPath(prefix, name);
}
