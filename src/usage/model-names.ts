/** Under which names a model may stand in the price catalogue, from the name that a request or an answer has for it. */

/** Regions of Bedrock's inference profiles: https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html */
const REGION = /^(?:us|us-gov|eu|apac|jp|au|ca|in)\./;
/** The profile that may run anywhere has the vendor's own list price: `global.anthropic.claude-opus-5`. */
const GLOBAL_VENDOR = /^global\.[a-z0-9]+\./;
/** What names one version of a model: `-2024-08-06`, `-20250929`, `@20250929`, `-latest`, Bedrock's `-v1:0`. */
const VERSION = /(?:-\d{4}-\d{2}-\d{2}|[-@]\d{8}|[-@]latest|@default|-v\d+(?::\d+(?::\d+k)?)?)$/;

/**
 * Names to look for, the most exact first: as given; without the path before it (`models/…`, `openai/…`, an ARN); without
 * Bedrock's region; and each of these without its version. A tag such as `:free` stays, since it changes the price.
 */
export function namesOf(model: string): readonly string[] {
  const whole = model.toLowerCase();
  const last = whole.slice(whole.lastIndexOf("/") + 1);
  const names = new Set<string>();
  for (const start of [whole, last, last.replace(REGION, ""), last.replace(GLOBAL_VENDOR, "")]) {
    for (let name = start; name !== "" && !names.has(name); name = name.replace(VERSION, "")) names.add(name);
  }
  return [...names];
}
