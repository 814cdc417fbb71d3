/** The Envoy host: a real Envoy with our processor, started from the command line as its users do. */
import { installEnvoy } from "../install-envoy.ts";
import { startGateway } from "../server/start-gateway.ts";
import type { Want } from "./case.ts";
import { RESET_CASES } from "./cases/translation-cells.ts";
import type { Difference, Host } from "./host.ts";

const CUT: Want = { isCut: true, log: { outcome: "error", "error.type": "upstream_reset_mid_stream" } };
const CANNOT_APPEND = "Envoy resets an answer whose upstream breaks off; nothing can be written behind it";

const DIFFERENCES: readonly (Difference & { readonly of: string })[] = [
  ...["OpenAI", "Anthropic"].flatMap((dialect) =>
    ["reset-mid-stream", "close-mid-stream"].map((fault) => ({
      of: `upstream faults: ${dialect}, stream: ${fault}`,
      why: CANNOT_APPEND,
      want: CUT,
    })),
  ),
  ...RESET_CASES.map((name) => ({ of: `translation: ${name}`, why: CANNOT_APPEND, want: CUT })),
  { of: "costs: a stream that breaks off is charged what it is estimated to have used", why: CANNOT_APPEND, want: CUT },
  { of: "HTTP/2: a stream that breaks ends with an error event", why: CANNOT_APPEND, want: CUT },
  {
    of: "malformed HTTP: an unknown version: refused, closed, not forwarded",
    why: "Envoy's parser takes every version for HTTP/1.1",
    want: { status: 200, log: { status: 200 } },
  },
];

/** Runs cases against `aigw run --host envoy`. */
export const ENVOY: Host = {
  name: "Envoy",
  differences: new Map(DIFFERENCES.map(({ of, why, want }) => [of, { why, want }])),
  start: async (config, env) =>
    startGateway(config, { env, args: ["--host", "envoy", "--envoy", await installEnvoy()] }),
};
