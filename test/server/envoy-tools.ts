/** What the tests of faults with a real Envoy share: a configuration, callers that remember, and the processes of a gateway. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { UPSTREAM_PORT } from "../conformance/case.ts";
import { apiKey, backend, CHAT, chat, MESSAGES, route, upstream } from "../conformance/configs.ts";
import { installEnvoy } from "../install-envoy.ts";
import { type Gateway, type GatewayWithSimulator, startWithSimulator } from "./start-gateway.ts";

const DEADLINE_MS = 15_000;
const LOOK_MS = 5;

/** A rule with one backend, one with two, and one with two of which the first is tried first and fails. */
const RULES = `
    - matches: [{ headers: [{ name: x-ai-eg-model, value: one }] }]
      backendRefs: [{ name: openai }]
    - matches: [{ headers: [{ name: x-ai-eg-model, type: RegularExpression, value: "claude.*" }] }]
      backendRefs: [{ name: anthropic }]
    - matches: [{ headers: [{ name: x-ai-eg-model, value: two }] }]
      backendRefs: [{ name: openai }, { name: openai-too }]
    - matches: [{ headers: [{ name: x-ai-eg-model, value: fallback }] }]
      backendRefs: [{ name: nobody }, { name: openai, priority: 1 }]`;

const RETRY = `---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: { name: retry, namespace: default }
spec:
  targetRefs: [{ group: aigateway.envoyproxy.io, kind: AIGatewayRoute, name: main }]
  retry:
    numRetries: 3
    numAttemptsPerPriority: 1
    perRetry: { backOff: { baseInterval: 1ms, maxInterval: 5ms } }
    retryOn: { triggers: [connect-failure, reset, retriable-status-codes], httpStatusCodes: [503] }
`;

/** The configuration for a provider's port. */
export function faultsConfig(): string {
  return `${route("main", RULES)}
${backend("openai", "{ name: OpenAI }")}
${backend("anthropic", "{ name: Anthropic }")}
${backend("openai-too", "{ name: OpenAI }")}
${backend("nobody", "{ name: OpenAI }", "", "closed")}
${apiKey("openai", "sk-openai", { type: "APIKey", field: "apiKey" })}
${apiKey("openai-too", "sk-openai-too", { type: "APIKey", field: "apiKey" })}
${apiKey("anthropic", "sk-anthropic", { type: "AnthropicAPIKey", field: "anthropicAPIKey" })}
${upstream(UPSTREAM_PORT)}
${upstream("9", "closed")}
${RETRY}`;
}

/** Starts the gateway with a real Envoy and a simulated provider. */
export async function startEnvoyGateway(
  config: string,
  workers: number,
  args: readonly string[] = [],
): Promise<GatewayWithSimulator> {
  const envoy = await installEnvoy();
  return startWithSimulator((port) => config.replaceAll(UPSTREAM_PORT, String(port)), {
    workers,
    args: ["--host", "envoy", "--envoy", envoy, ...args],
  });
}

/** What became of a request: an answer, or a broken connection (status 0). */
export interface Outcome {
  readonly id: string;
  readonly status: number;
  readonly text: string;
  readonly type: string;
  readonly tookMs: number;
}

/** How a request is asked. */
export interface Question {
  readonly id: string;
  readonly model?: string;
  /** More fields of the body. */
  readonly more?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Asks; resolves also when the connection breaks. Rejects when there is no end in {@link DEADLINE_MS}. */
export async function ask(url: string, { id, model = "one", more = {}, headers = {} }: Question): Promise<Outcome> {
  const start = performance.now();
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const isAnthropic = model.startsWith("claude");
  const body = JSON.stringify(chat(model, { ...(isAnthropic ? { max_tokens: 9 } : {}), ...more }));
  try {
    const response = await fetch(url + (isAnthropic ? MESSAGES : CHAT), {
      method: "POST",
      headers: { "x-request-id": id, ...headers },
      body,
      signal,
    });
    const type = response.headers.get("content-type") ?? "";
    return { id, status: response.status, type, text: await response.text(), tookMs: performance.now() - start };
  } catch (error) {
    signal.throwIfAborted();
    return { id, status: 0, type: "", text: String(error), tookMs: performance.now() - start };
  }
}

/** Callers who ask one request after the other until they are told to stop. */
export class Load {
  readonly outcomes: Outcome[] = [];
  readonly #callers: Promise<void>[];
  #stopping = false;

  constructor(callers: number, next: (id: string) => Promise<Outcome>, name = "load") {
    this.#callers = Array.from({ length: callers }, async (_, caller) => {
      for (let n = 0; !this.#stopping; n++) this.outcomes.push(await next(`${name}-${caller}-${n}`));
    });
  }

  async stop(): Promise<readonly Outcome[]> {
    this.#stopping = true;
    await Promise.all(this.#callers);
    return this.outcomes;
  }
}

/** Looks until something is there. */
export async function eventually<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${DEADLINE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** A metric of the gateway, all its processes together; 0 when it is not there. */
export async function metric({ adminUrl }: Gateway, name: string): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
}

/** The access-log lines of each request id. */
export function linesById(gateway: Gateway): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of gateway.logs()) {
    const id = String(line["request_id"]);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

/** The processes of a gateway. */
export interface Processes {
  /** The one that was started. */
  readonly supervisor: number;
  readonly workers: readonly number[];
  readonly envoy: number;
}

/** Looks at the processes of a gateway as they are now. */
export function processesOf(gateway: Gateway): Processes {
  const said = [...gateway.stderr().matchAll(/Envoy runs as process (\d+)/g)].at(-1)?.[1];
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
  const table = rows.map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row)).filter((row) => row !== null);
  const supervisor = table.find(([, pid]) => pid === said)?.[2];
  const ours = table.filter(([, , ppid]) => ppid === supervisor);
  const pids = (text: string) => ours.filter(([, , , args]) => args?.includes(text)).map(([, pid]) => Number(pid));
  return { supervisor: Number(supervisor), workers: pids("main.ts"), envoy: pids("bootstrap.json")[0] ?? 0 };
}

/** Resident memory of a process in bytes. */
export function residentBytes(pid: number): number {
  const [, kib = 0] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}
