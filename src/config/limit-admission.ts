/** How requests are admitted under limits whose own resource has no word for it. */
import { ASSUMED_OUTPUT_TOKENS } from "../resources/budget.ts";
import type { FieldPath, Resource } from "../resources/resource.ts";
import type { Compilation } from "./compilation.ts";

/** `Reserve` (the default) or `Check`, on a BackendTrafficPolicy or a QuotaPolicy. */
const ADMISSION_ANNOTATION = "aigw.dev/admission";

export interface Admission {
  readonly mode: "reserve" | "check";
  readonly assumedOutputTokens: number;
}

/** What the annotation of a resource says. */
export function admissionOf(resource: Resource<unknown>, compilation: Compilation): Admission {
  const value = resource.metadata.annotations[ADMISSION_ANNOTATION];
  if (value !== undefined && value !== "Reserve" && value !== "Check") {
    const path: FieldPath = ["metadata", "annotations", ADMISSION_ANNOTATION];
    compilation.fault(resource, path, `${JSON.stringify(value)} is neither "Reserve" nor "Check"`);
  }
  return { mode: value === "Check" ? "check" : "reserve", assumedOutputTokens: ASSUMED_OUTPUT_TOKENS };
}
