/** A configuration that serves. */
import type { Plan } from "../../exchange/plan.ts";
import type { Loaded } from "../load.ts";

/** A loaded configuration without faults. */
export type Served = Loaded & { readonly plan: Plan };

/** Tells whether a configuration can serve. */
export function canServe(loaded: Loaded): loaded is Served {
  return loaded.plan !== undefined;
}
