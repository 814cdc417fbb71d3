import type { BodyMutation, HeaderMutation } from "./runtime-config.ts";

/**
 * A backend's header mutation with a backendRef's merged over it: of two `set` with the same lower-cased name the ref's
 * wins, removals are united. Names come out in lower case, each once.
 */
export function mergeHeaderMutations(
  backend: HeaderMutation | undefined,
  ref: HeaderMutation | undefined,
): HeaderMutation {
  const values = new Map<string, string>();
  for (const { name, value } of both(backend?.set, ref?.set)) values.set(name.toLowerCase(), value);
  return {
    set: Array.from(values, ([name, value]) => ({ name, value })),
    remove: unique(both(backend?.remove, ref?.remove).map((name) => name.toLowerCase())),
  };
}

/** A backend's body mutation with a backendRef's merged over it: the ref's `set` wins by path, removals are united. */
export function mergeBodyMutations(backend: BodyMutation | undefined, ref: BodyMutation | undefined): BodyMutation {
  const values = new Map<string, string>();
  for (const { path, value } of both(backend?.set, ref?.set)) values.set(path, value);
  return {
    set: Array.from(values, ([path, value]) => ({ path, value })),
    remove: unique(both(backend?.remove, ref?.remove)),
  };
}

function both<T>(first: readonly T[] | undefined, second: readonly T[] | undefined): T[] {
  return [...(first ?? []), ...(second ?? [])];
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
