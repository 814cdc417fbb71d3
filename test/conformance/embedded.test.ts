import { EMBEDDED } from "./embedded.ts";
import { GROUPS } from "./groups.ts";
import { runConformance } from "./run.ts";

runConformance(EMBEDDED, GROUPS);
