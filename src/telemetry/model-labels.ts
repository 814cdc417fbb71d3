/** Which model names may become label values. Callers choose model names; without a limit each would be a new series. */
import type { RuntimeConfig } from "../config/runtime-config.ts";
import { MODEL_HEADER } from "../routing/route-table.ts";

/** Label value of a name that is not known, or that nobody has accepted yet. */
export const UNKNOWN = "unknown";

/** Label value of every name past the limit. */
export const OVERFLOW = "__overflow__";

/** How many names that are not configured a process learns, of those asked for and of those answered. */
export const LEARNED_NAMES_MAX = 64;

/** Longest name that becomes a label value. */
const NAME_LENGTH_MAX = 128;

/** Lets a model name through when it is configured, or when an upstream has accepted it and there is room to learn. */
export class ModelLabels {
  #configured: ReadonlySet<string> = new Set();
  readonly #asked = new Set<string>();
  readonly #answered = new Set<string>();

  /** Replaces the configured names. */
  configure(config: RuntimeConfig): void {
    this.#configured = configuredModels(config);
  }

  /** Label value of an original or request model; `accepted`: an upstream answered it below 400. */
  asked(name: string, accepted: boolean): string {
    if (this.#configured.has(name) || this.#asked.has(name)) return name;
    return accepted ? learn(this.#asked, name) : UNKNOWN;
  }

  /** Label value of the model an upstream named in an answer below 400. */
  answered(name: string): string {
    if (this.#answered.has(name) || this.#configured.has(name)) return name;
    return learn(this.#answered, name);
  }
}

function learn(names: Set<string>, name: string): string {
  if (name === "") return UNKNOWN;
  if (names.size >= LEARNED_NAMES_MAX || name.length > NAME_LENGTH_MAX) return OVERFLOW;
  names.add(name);
  return name;
}

/** Names that rules match exactly, and names that backends are sent instead. */
function configuredModels(config: RuntimeConfig): ReadonlySet<string> {
  const names = new Set<string>();
  for (const rule of config.routes.flatMap((route) => route.rules)) {
    for (const match of rule.matches.flat()) {
      if (match.name === MODEL_HEADER && match.type === "Exact") names.add(match.value);
    }
    for (const { modelNameOverride } of rule.backends) {
      if (modelNameOverride !== undefined) names.add(modelNameOverride);
    }
  }
  return names;
}
