import { LIMITS } from "./cases/limits.ts";
import { ENVOY_LIMITS } from "./envoy-limits.ts";
import { runConformance } from "./run.ts";

runConformance(ENVOY_LIMITS, [LIMITS]);
