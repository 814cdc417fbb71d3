import type { BackendRef } from "../config/runtime-config.ts";

/** The backends of a rule, ready to be drawn from. */
export interface BackendChoice {
  /** Highest priority (lowest number) first; none empty. */
  readonly groups: readonly PriorityGroup[];
  /** Whether there is more than one to choose from. */
  readonly isChoice: boolean;
  /** All of them. */
  readonly refs: readonly BackendRef[];
}

interface PriorityGroup {
  /** Without those of weight 0, which get no traffic (Gateway API, BackendRef weight). */
  readonly refs: readonly BackendRef[];
  /** Running sums of the weights, beside `refs`. */
  readonly cumulative: readonly number[];
}

/** Prepares the draw among a rule's backends. */
export function prepareChoice(refs: readonly BackendRef[]): BackendChoice {
  const eligible = refs.filter((ref) => ref.weight > 0);
  const priorities = [...new Set(eligible.map((ref) => ref.priority))].sort((a, b) => a - b);
  const groups = priorities.map((priority) => prepareGroup(eligible.filter((ref) => ref.priority === priority)));
  return { groups, isChoice: eligible.length > 1, refs: groups.flatMap((group) => group.refs) };
}

function prepareGroup(refs: readonly BackendRef[]): PriorityGroup {
  const cumulative: number[] = [];
  let total = 0;
  for (const ref of refs) {
    total += ref.weight;
    cumulative.push(total);
  }
  return { refs, cumulative };
}

/**
 * Draws a backend by weight from the highest priority that still has one which was not tried; undefined when none is
 * left.
 *
 * @param tried Backends that earlier attempts of the same request went to.
 * @param random From 0 up to, but not including, 1.
 */
export function pick(choice: BackendChoice, tried: readonly BackendRef[], random: number): BackendRef | undefined {
  for (const group of choice.groups) {
    const left = tried.length === 0 ? group : prepareGroup(group.refs.filter((ref) => !tried.includes(ref)));
    if (left.refs.length > 0) return draw(left, random);
  }
  return undefined;
}

function draw(group: PriorityGroup, random: number): BackendRef | undefined {
  const { refs, cumulative } = group;
  const last = refs.length - 1;
  const point = random * (cumulative[last] ?? 0);
  for (let i = 0; i < last; i++) if (point < (cumulative[i] ?? 0)) return refs[i];
  return refs[last];
}
