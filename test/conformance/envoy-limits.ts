/** The Envoy host whose limits on requests and costs are counted by Envoy's own filter, which asks `aigw ratelimit`. */
import { installEnvoy } from "../install-envoy.ts";
import { startRateLimitService } from "../server/rate-limit-service.ts";
import { startGateway } from "../server/start-gateway.ts";
import type { Want } from "./case.ts";
import type { Difference, Host } from "./host.ts";

const CHECKS =
  "Envoy's filter looks whether something is left and charges an answer when it has ended: it reserves nothing";
const TOLD_BEFORE = "it tells what was left when the request came";

function left(remaining: string | RegExp): Want {
  return { status: 200, headers: { "x-ratelimit-remaining": remaining } };
}

const TENANTS = "tenants are charged what their answers cost, by a cost of the route";

const DIFFERENCES: readonly (Difference & { readonly of: string })[] = [
  { of: `${TENANTS}: 1`, why: TOLD_BEFORE, want: left("60") },
  { of: `${TENANTS}: 2`, why: TOLD_BEFORE, want: left("42") },
  { of: `${TENANTS}: 3`, why: CHECKS, want: left("24") },
  { of: "a stream is charged what it cost: 1", why: CHECKS, want: left("60") },
  { of: "a stream is charged what it cost: 2", why: TOLD_BEFORE, want: left("42") },
  { of: "a caller who leaves in a stream is charged what came: 2", why: CHECKS, want: left(/^(1\d|2\d|3[0-5])$/) },
  {
    of: "shadow limits refuse nobody and are not told: 3",
    why: "only the service knows what a limit in shadow mode would have refused",
    want: { status: 200 },
  },
];

/** Runs cases against `aigw run --host envoy --rate-limit-service` and `aigw ratelimit`. */
export const ENVOY_LIMITS: Host = {
  name: "Envoy with its rate limit filter",
  differences: new Map(DIFFERENCES.map(({ of, why, want }) => [`limits: ${of}`, { why, want }])),
  start: async (config, env) => {
    const service = await startRateLimitService(config, { env });
    try {
      const asked = ["--rate-limit-service", service.address];
      const gateway = await startGateway(config, {
        env,
        args: ["--host", "envoy", "--envoy", await installEnvoy(), ...asked],
      });
      return {
        ...gateway,
        stop: async () => {
          const code = await gateway.stop();
          await service.stop();
          return code;
        },
      };
    } catch (error) {
      await service.stop();
      throw error;
    }
  },
};
