/** Where in a configuration file something stands; line and column count from 1. */
export interface Position {
  /** The file as the user named it, or `<environment>` for what was made from environment variables. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing wrong with the configuration, said so that it can be mended without reading our code. */
export interface Fault {
  readonly source: Position;
  /** `Kind namespace/name: path.to[0].field`, or only the kind where no path applies. */
  readonly path: string;
  /** What is wrong and what to write instead. */
  readonly reason: string;
}

/** Every fault of a configuration; never only the first. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    super(faults.map(formatFault).join("\n"));
    this.faults = faults;
  }
}

/** Renders a place as `file:line:column`, the form editors and terminals link. */
export function formatPosition({ file, line, column }: Position): string {
  return `${file}:${line}:${column}`;
}

/** Renders a fault as `file:line:column: path: reason`. */
export function formatFault(fault: Fault): string {
  return `${formatPosition(fault.source)}: ${fault.path}: ${fault.reason}`;
}
