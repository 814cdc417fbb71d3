import type { RequestRecord } from "./request-record.ts";

const NO_ERRORS: readonly string[] = [];

/** Fills in what a settled request costs, once; returns a sentence for each rule that yielded no value. */
export function price(record: RequestRecord): readonly string[] {
  const { costProgram, usage, requestModel: model, backend, route: routeName } = record;
  if (costProgram === undefined) return NO_ERRORS;
  record.costProgram = undefined;
  const { costs, errors } = costProgram.evaluate({ usage, model, backend, routeName });
  record.costs = costs;
  return errors;
}
