/** What vendors' answers with embeddings have in common. */
import { GatewayError } from "../../errors/gateway-error.ts";
import { isRecord, type JsonRecord } from "../conversation/read.ts";

/** The document; throws `upstream_invalid` where there is none. */
export function parseAnswer(body: Uint8Array): JsonRecord {
  try {
    const document: unknown = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
    if (isRecord(document)) return document;
  } catch (error) {
    throw invalidAnswer(error);
  }
  throw invalidAnswer();
}

/** The numbers of one embedding; throws `upstream_invalid` for anything else. */
export function readNumbers(values: unknown): number[] {
  if (!Array.isArray(values) || !values.every((value) => typeof value === "number")) throw invalidAnswer();
  return values;
}

/** An answer without embeddings. */
export function invalidAnswer(cause?: unknown): GatewayError {
  return new GatewayError("upstream_invalid", "the provider's answer holds no embeddings", { cause });
}
