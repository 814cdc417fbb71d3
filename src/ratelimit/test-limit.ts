/** A limit for tests: ten requests a minute for everybody, but for what a test says. */
import type { Limit } from "../config/limits.ts";

/** Makes a limit. */
export function testLimit(parts: Partial<Limit> = {}): Limit {
  return {
    id: "Test/default/limit",
    name: "Test default/limit",
    kind: "BudgetPolicy",
    applies: { routes: undefined, backends: undefined, requestModels: undefined },
    conditions: [],
    per: [],
    requestCost: 1,
    answerCost: undefined,
    amount: 10,
    extra: [],
    unit: "requests",
    window: { type: "fixed", durationMs: 60_000 },
    shadow: false,
    admission: "reserve",
    assumedOutputTokens: 1024,
    group: undefined,
    counted: "shared",
    alerts: [],
    unmetered: "refuse",
    ...parts,
  };
}
