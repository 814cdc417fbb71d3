/** Fetches key sets: without redirects, with bounds of time and size. */
import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import { issuerUrlFault } from "../config/issuer-url.ts";

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 1 << 20;

/** Text of a key set. Rejects with an Error that says what failed. */
export function fetchKeySet(uri: string): Promise<string> {
  const fault = issuerUrlFault(uri);
  if (fault !== undefined) return Promise.reject(new Error(`the URI ${fault}`));
  const get = uri.startsWith("https:") ? getHttps : getHttp;
  return new Promise((resolve, reject) => {
    // Of the whole exchange; it does not keep the process alive.
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const fail = (error: NodeJS.ErrnoException) =>
      reject(new Error(signal.aborted ? `no answer within ${TIMEOUT_MS} ms` : (error.code ?? error.message)));
    const request = get(uri, { signal, headers: { accept: "application/json" } }, (response) => {
      response.on("error", fail);
      if (response.statusCode !== 200) {
        response.destroy();
        reject(new Error(`status ${response.statusCode}`));
        return;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > ANSWER_BYTES_MAX) response.destroy(new Error(`an answer of more than ${ANSWER_BYTES_MAX} bytes`));
      });
      response.on("end", () => resolve(Buffer.concat(chunks).toString()));
    });
    request.on("error", fail);
  });
}
