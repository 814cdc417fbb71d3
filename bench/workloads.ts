/** What is asked of every system, and the bodies that ask it. */

/** Models of the mock provider: which of its answers a request gets. Equally long names. */
export const MODELS = { unary: "bench-unary", burst: "bench-burst", paced: "bench-paced" } as const;

/** Chunks of a streamed answer. */
export const CHUNKS_PER_STREAM = 100;
/** Time between chunks of a paced stream. */
export const PACE_MS = 20;

/** One row of the benchmark. */
export interface Workload {
  readonly name: "unary-1k" | "unary-220k" | "stream-burst" | "stream-paced";
  readonly about: string;
  /** What CPU time is counted per. */
  readonly unit: "request" | "chunk";
  /** Connections, each with one request at a time. */
  readonly clients: number;
  /** Over which time the clients begin, so that their chunks do not come in step. */
  readonly rampMs: number;
  /** What the quantiles tell. */
  readonly latency: string;
  readonly body: () => string;
}

const STREAM_OPTIONS = { stream: true, stream_options: { include_usage: true } };

/** Every workload, in the order of the report. */
export const WORKLOADS: readonly Workload[] = [
  {
    name: "unary-1k",
    about: "1 kB chat request, 676 B answer, 32 keep-alive connections",
    unit: "request",
    clients: 32,
    rampMs: 0,
    latency: "request, saturated",
    body: () => chat(MODELS.unary, 1_000),
  },
  {
    name: "unary-220k",
    about: "220 kB agent prompt (code, tool calls, tool results), 676 B answer, 32 keep-alive connections",
    unit: "request",
    clients: 32,
    rampMs: 0,
    latency: "request, saturated",
    body: () => agentPrompt(MODELS.unary, 220_000),
  },
  {
    name: "stream-burst",
    about: "1 kB request, stream of 100 chunks, each a write, without a pause; 32 connections",
    unit: "chunk",
    clients: 32,
    rampMs: 0,
    latency: "whole stream, saturated",
    body: () => chat(MODELS.burst, 1_000, STREAM_OPTIONS),
  },
  {
    name: "stream-paced",
    about: "1 kB request, stream of 100 chunks 20 ms apart; 100 clients",
    unit: "chunk",
    clients: 100,
    rampMs: CHUNKS_PER_STREAM * PACE_MS,
    latency: "one chunk, provider to client",
    body: () => chat(MODELS.paced, 1_000, STREAM_OPTIONS),
  },
];

function chat(model: string, bytes: number, extra: object = {}): string {
  const body = (question: string) =>
    JSON.stringify({
      model,
      messages: [
        {
          role: "system",
          content: "You are a helpful assistant.\nAnswer in plain words, and say what you do not know.",
        },
        { role: "user", content: question },
      ],
      temperature: 0.7,
      max_tokens: 256,
      user: "bench",
      ...extra,
    });
  return body(
    filled("Why is the sky blue, and why is it red in the evening? Please explain. ", bytes - body("").length),
  );
}

/** The prompt of a coding agent well into its task: tool definitions, then files read and commands run, as tool results. */
function agentPrompt(model: string, bytes: number): string {
  const messages: object[] = [
    {
      role: "system",
      content: "You are a coding agent.\nUse the tools. Never guess at a file's contents: read it.\n".repeat(40),
    },
    { role: "user", content: "The tests of the “orders” module fail since yesterday – find out why and mend it." },
  ];
  const body = () => JSON.stringify({ model, messages, tools: agentTools(), tool_choice: "auto", max_tokens: 8192 });
  for (let turn = 0; body().length < bytes - 6_000; turn += 1) messages.push(...agentTurn(turn));
  const last = { role: "user", content: "" };
  messages.push(last);
  last.content = filled("Go on. ", bytes - Buffer.byteLength(body()));
  return body();
}

function agentTurn(turn: number): object[] {
  const id = `call_${String(turn).padStart(24, "0")}`;
  const args = JSON.stringify({ path: `src/orders/order-${turn}.ts`, range: [1, 80], note: 'the "total" is wrong' });
  const code = Array.from({ length: 30 }, (_, line) => {
    const sum = `  const total${line} = items.reduce((sum, item) => sum + item.price * item.count, 0);`;
    return `${line + 1}\t${line % 3 === 0 ? sum : `\tif (total${line} !== "${turn}\\t${line}") throw new Error(\`bad € \${id}\`);`}`;
  });
  return [
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id, type: "function", function: { name: "read_file", arguments: args } }],
    },
    { role: "tool", tool_call_id: id, content: JSON.stringify({ exit_code: 0, output: code.join("\n") }) },
    {
      role: "assistant",
      content: `I see: order ${turn} adds the items twice.\n\n\`\`\`ts\n${code.slice(0, 6).join("\n")}\n\`\`\``,
    },
    { role: "user", content: "Right.\nAnd the next one?" },
  ];
}

function agentTools(): object[] {
  return ["read_file", "write_file", "run_command", "search", "list_files", "apply_patch"].map((name) => ({
    type: "function",
    function: {
      name,
      description: `Runs ${name} in the workspace. Paths are relative to its root; output beyond 30,000 characters is cut.`,
      parameters: {
        type: "object",
        properties: {
          path: { type: "string", description: "file or folder, relative to the root" },
          range: { type: "array", items: { type: "integer" }, minItems: 2, maxItems: 2 },
          note: { type: ["string", "null"], description: "why this is done" },
        },
        required: ["path"],
        additionalProperties: false,
      },
    },
  }));
}

function filled(text: string, length: number): string {
  return text.repeat(Math.ceil(length / text.length)).slice(0, length);
}
