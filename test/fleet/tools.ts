/** Programs that the fleet tests need beside Envoy and Redis, brought into `.cache/` on first use. */
import { join } from "node:path";
import { once, onPath, type Program, run } from "../programs/install.ts";

/** Of the Go module github.com/envoyproxy/ratelimit, which has no releases of its own. */
const RATE_LIMIT_VERSION = "v1.4.1-0.20260122083618-3fb702589d36";

/** The rate limit service, built from the Go module proxy: about a minute, once. */
export async function rateLimitService(): Promise<Program> {
  const folder = await once({ folder: "ratelimit", version: RATE_LIMIT_VERSION }, async (target) => {
    if (onPath("go") === undefined) {
      throw new Error("the fleet tests build the rate limit service: install Go 1.24 or newer (https://go.dev/dl/)");
    }
    await run("go", ["install", `github.com/envoyproxy/ratelimit/src/service_cmd@${RATE_LIMIT_VERSION}`], {
      env: { ...process.env, GOBIN: target },
    });
  });
  return { command: join(folder, "service_cmd"), env: {} };
}
