/**
 * Finds what a misspelt word was meant to be: the candidate with the fewest edits (insert, delete, replace, swap of
 * neighbours), if there are few enough of them. Letter case costs nothing.
 */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let fewest = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = distance(wanted, candidate.toLowerCase());
    if (edits >= fewest) continue;
    best = candidate;
    fewest = edits;
  }
  return best;
}

/** `; did you mean "x"?`, or nothing where no candidate is near: the tail of a fault's reason. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = suggest(word, candidates);
  return meant === undefined ? "" : `; did you mean "${meant}"?`;
}

/** Longer words are no misspelling that a person would want explained. */
const WORD_MAX = 253;

/** Optimal string alignment distance, by rows. */
function distance(a: string, b: string): number {
  if (a.length > WORD_MAX || b.length > WORD_MAX) return Number.POSITIVE_INFINITY;
  let twoUp: number[] = [];
  let up = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min(at(up, j) + 1, at(row, j - 1) + 1, at(up, j - 1) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) edits = Math.min(edits, at(twoUp, j - 2) + 1);
      row.push(edits);
    }
    twoUp = up;
    up = row;
  }
  return at(up, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}
