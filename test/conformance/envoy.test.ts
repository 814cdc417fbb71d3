import { ENVOY } from "./envoy.ts";
import { GROUPS } from "./groups.ts";
import { runConformance } from "./run.ts";

runConformance(ENVOY, GROUPS);
