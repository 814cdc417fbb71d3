import { isRecord } from "./read.ts";

/** What was read from a request, without the paths it was read from: for tests that are about something else. */
export function withoutPaths(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPaths);
  if (!isRecord(value)) return value;
  const members = Object.entries(value).filter(([key, member]) => key !== "path" || typeof member !== "string");
  return Object.fromEntries(members.map(([key, member]) => [key, withoutPaths(member)]));
}
