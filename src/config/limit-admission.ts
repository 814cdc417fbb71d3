/** How requests are admitted under limits whose own resource has no word for it. */
import type { FieldPath, Resource } from "../resources/resource.ts";
import type { Compilation } from "./compilation.ts";

/** `Reserve` (the default) or `Check`, on a BackendTrafficPolicy or a QuotaPolicy. */
export const ADMISSION_ANNOTATION = "aigw.dev/admission";
/** What is reserved for an answer whose length its caller did not limit. */
export const ASSUMED_OUTPUT_TOKENS = 1024;

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
