/** One step of a body path: into an object by `key`, into an array by `index`. */
export interface Step {
  readonly key: string;
  /** Position in an array, -1 = the last on removal and after the last on set; undefined = not for arrays. */
  readonly index: number | undefined;
}

/** Where in a body: the steps from its object down; never empty. */
export type Path = readonly Step[];

/** A position within an array; longer digits are a key only, so that no path asks for millions of padding nulls. */
const INDEX = /^(?:-1|\d{1,4})$/;

/**
 * Parses a path of the sjson syntax that users of body mutations know (https://pkg.go.dev/github.com/tidwall/sjson):
 * steps between dots, `\` takes the next character as it is, a leading `:` makes a number a key.
 */
export function parsePath(path: string): Path {
  const steps: Step[] = [];
  let key = "";
  let forced = path.startsWith(":");
  for (let i = forced ? 1 : 0; i < path.length; i++) {
    const char = path.charAt(i);
    if (char === "\\" && i + 1 < path.length) key += path.charAt(++i);
    else if (char !== ".") key += char;
    else {
      steps.push(step(key, forced));
      key = "";
      forced = path.charAt(i + 1) === ":";
      if (forced) i++;
    }
  }
  steps.push(step(key, forced));
  return steps;
}

function step(key: string, forced: boolean): Step {
  return { key, index: !forced && INDEX.test(key) ? Number(key) : undefined };
}
