import type { JsonRecord } from "../read.ts";

/** A member of an object of Google's, whose names may be written in camelCase or in snake_case: https://protobuf.dev/programming-guides/json/ */
export function member(of: JsonRecord, name: string): unknown {
  return of[name] ?? of[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
}

/** A name as Google's documentation has it. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The members of an object with their names as Google's documentation has them. */
export function camelCased(of: JsonRecord): JsonRecord {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [camelCase(name), value]));
}
