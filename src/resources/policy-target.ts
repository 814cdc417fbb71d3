import type { CrossFieldRule } from "./kind.ts";
import type { PolicyTargetRef } from "./schema.ts";

/** The part of an Envoy Gateway policy that says what it is for. */
interface Targeted {
  readonly targetRef?: PolicyTargetRef;
  readonly targetRefs?: readonly PolicyTargetRef[];
  readonly targetSelectors?: unknown;
}

/** A policy is for something, named in one way. */
export const hasOneKindOfTarget: CrossFieldRule<Targeted> = ({ targetRef, targetRefs, targetSelectors }) => {
  if (targetRef !== undefined && targetRefs !== undefined) {
    return [{ path: ["targetRef"], reason: "must not be given beside targetRefs; move it there" }];
  }
  if (targetRef !== undefined || targetRefs !== undefined || targetSelectors !== undefined) return [];
  return [{ path: ["targetRefs"], reason: "is required" }];
};

/** Every target with its way from the spec on. */
export function targetsOf({
  targetRef,
  targetRefs = [],
}: Targeted): { ref: PolicyTargetRef; path: (string | number)[] }[] {
  const listed = targetRefs.map((ref, index) => ({ ref, path: ["spec", "targetRefs", index] }));
  return targetRef === undefined ? listed : [{ ref: targetRef, path: ["spec", "targetRef"] }, ...listed];
}
