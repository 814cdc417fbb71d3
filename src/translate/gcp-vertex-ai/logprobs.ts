import { isRecord } from "../conversation/read.ts";

/**
 * Reads `logprobsResult` as the `content` of OpenAI's `logprobs`.
 * https://ai.google.dev/api/generate-content#LogprobsResult
 */
export function readLogprobs(result: unknown): object[] {
  if (!isRecord(result) || !Array.isArray(result["chosenCandidates"])) return [];
  const top: readonly unknown[] = Array.isArray(result["topCandidates"]) ? result["topCandidates"] : [];
  return result["chosenCandidates"].map((chosen: unknown, i) => {
    const alternatives = top[i];
    const others: unknown = isRecord(alternatives) ? alternatives["candidates"] : undefined;
    return { ...logprob(chosen), top_logprobs: Array.isArray(others) ? others.map(logprob) : [] };
  });
}

/** Google's JSON leaves out a logarithm of 0. */
function logprob(candidate: unknown): { token: string; logprob: number } {
  const { token, logProbability } = isRecord(candidate) ? candidate : {};
  return {
    token: typeof token === "string" ? token : "",
    logprob: typeof logProbability === "number" ? logProbability : 0,
  };
}
