/** Paths that hold the model: `/v1beta/models/{model}:generateContent`. */

/** Stands for the model in a path. */
export const MODEL_PLACE = "{model}";

/** The model in a path without query that a pattern fits, decoded; undefined for another path. */
export function modelIn(path: string, pattern: string): string | undefined {
  const place = pattern.indexOf(MODEL_PLACE);
  if (place === -1) return undefined;
  const end = path.length - (pattern.length - place - MODEL_PLACE.length);
  if (end <= place || !path.startsWith(pattern.slice(0, place))) return undefined;
  if (!path.endsWith(pattern.slice(place + MODEL_PLACE.length))) return undefined;
  const model = path.slice(place, end);
  try {
    return decodeURIComponent(model);
  } catch {
    // No percent-encoding: it is the name itself.
    return model;
  }
}
