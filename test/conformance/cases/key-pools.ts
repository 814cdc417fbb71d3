import { type Case, type Group, UPSTREAM_PORT } from "../case.ts";
import { apiKey, backend, CHAT, chat, route, upstream } from "../configs.ts";

const names = ["pool", "gemini", "single"];
const rules = names
  .map(
    (name) => `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: ${name} }] }]
      backendRefs: [{ name: ${name} }]`,
  )
  .join("");
const KEY = { type: "APIKey", field: "apiKey" };

const CONFIG = `${route("pools", rules)}
${backend("pool", "{ name: OpenAI }")}
${backend("gemini", "{ name: GCPVertexAI, prefix: v1beta }")}
${backend("single", "{ name: OpenAI }")}
${upstream(UPSTREAM_PORT)}
${apiKey("pool", '"sk-1\\nsk-2\\nsk-3\\n"', KEY)}
${apiKey("gemini", "sk-google", KEY)}
${apiKey("single", "sk-only", KEY)}`;

/** A request, what becomes of it at the provider, and the key that it has there. */
function used(key: string, simulate: string, name: string, rests: Readonly<Record<string, number>> = {}): Case {
  const headers: Record<string, string> = simulate === "" ? {} : { "x-simulate": simulate };
  const status = Number(/^status=(\d+)/.exec(simulate)?.[1] ?? 200);
  return {
    name,
    config: CONFIG,
    request: { path: CHAT, headers, body: chat(key === "sk-only" ? "single" : "pool") },
    want: { status, upstream: { headers: { authorization: `Bearer ${key}` } }, metrics: rests },
  };
}

const POOL = 'aigw_credential_key_rests_total{policy="default/pool-key"}';
const RESTING = 'aigw_credential_keys_resting{policy="default/pool-key"}';

/** Several keys for one backend, in the order in which requests use them. */
export const KEY_POOLS: Group = {
  name: "key pools",
  oneByOne: true,
  cases: [
    used("sk-1", "", "keys are used in turn: the first"),
    used("sk-2", "", "the second"),
    used("sk-3", "status=429,retry-after=60", "the third, which has reached its limit", { [POOL]: 1, [RESTING]: 1 }),
    used("sk-1", "status=401", "the first again, which is refused", { [POOL]: 1, [RESTING]: 1 }),
    used("sk-2", "", "only the second is left"),
    used("sk-2", "status=500", "a failure that is not the key's"),
    used("sk-2", "status=429", "the last one reaches its limit, too", { [POOL]: 1, [RESTING]: 1 }),
    used("sk-2", "", "all rest: the one whose rest ends first", { [RESTING]: -1 }),
    used("sk-only", "status=401", "a single key is refused"),
    used("sk-only", "", "and used all the same"),
    {
      name: "a key goes into the header that its vendor wants",
      config: CONFIG,
      request: { path: CHAT, body: chat("gemini") },
      want: { status: 200, upstream: { headers: { "x-goog-api-key": "sk-google", authorization: undefined } } },
    },
  ],
};
