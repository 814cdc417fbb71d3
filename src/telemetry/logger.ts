/** Structured log lines of the gateway's own doings; requests have the access log. Not for the hot path. */
import { escapeText } from "./escape-text.ts";
import { LINE_BYTES_MAX, LineWriter } from "./line-writer.ts";

/** From the most talkative to the quietest. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** A level of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How lines look: for a person at a terminal, or for a machine. */
export type LogFormat = "text" | "json";

/** What a line says beside its message. Errors become name, message and cause; never pass headers or bodies that did
 * not go through redact.ts. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where the gateway says what it does; never throws, never waits. */
export interface Logger {
  /** Whether lines of a level are written: ask it before preparing costly fields. */
  enabled(level: LogLevel): boolean;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** What a logger is made of. */
export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes one line with its newline; must not throw. Default: standard error. */
  readonly write?: (line: string) => void;
  /** Unix milliseconds. Default: the system's clock. */
  readonly now?: () => number;
}

/** Lines in one second: a failure that repeats with every request must not become the load. */
const LINES_PER_SECOND_MAX = 100;

const MESSAGE_LENGTH_MAX = 1024;

/** Longest value of one field. */
const VALUE_LENGTH_MAX = 1024;

/** Room for the fields of a line, beside time, level, message and the mark of a cut. */
const FIELDS_LENGTH_MAX = LINE_BYTES_MAX - MESSAGE_LENGTH_MAX - 128;

/** How deep the causes of an error are followed. */
const CAUSES_MAX = 4;

const STDERR = 2;
let standardError: LineWriter | undefined;

/** Makes a logger. */
export function createLogger(options: LoggerOptions): Logger {
  return new LineLogger(options.level, options.format, options.write ?? writeToStderr, options.now ?? Date.now);
}

/** Standard error through a {@link LineWriter}, because `process.stderr` waits for a reader that has stopped reading. */
function writeToStderr(line: string): void {
  if (standardError === undefined) {
    const writer = new LineWriter(STDERR);
    process.once("exit", () => writer.flushSync());
    standardError = writer;
  }
  standardError.append(line);
}

class LineLogger implements Logger {
  readonly #least: number;
  readonly #render: typeof renderJson;
  readonly #write: (line: string) => void;
  readonly #now: () => number;
  #second = 0;
  #lines = 0;
  #suppressed = 0;

  constructor(level: LogLevel, format: LogFormat, write: (line: string) => void, now: () => number) {
    this.#least = LOG_LEVELS.indexOf(level);
    this.#render = format === "json" ? renderJson : renderText;
    this.#write = write;
    this.#now = now;
  }

  enabled(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#least;
  }

  debug(message: string, fields?: LogFields): void {
    this.#log("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#log("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#log("warn", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#log("error", message, fields);
  }

  #log(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (!this.enabled(level)) return;
    const time = this.#now();
    const second = Math.floor(time / 1000);
    if (second !== this.#second) {
      const lines = this.#suppressed;
      this.#second = second;
      this.#lines = 0;
      this.#suppressed = 0;
      if (lines > 0) this.#write(this.#render(time, "warn", "log lines were suppressed", { lines }));
    }
    if (this.#lines >= LINES_PER_SECOND_MAX) {
      this.#suppressed++;
      return;
    }
    this.#lines++;
    this.#write(this.#render(time, level, message, fields));
  }
}

function renderJson(time: number, level: LogLevel, message: string, fields: LogFields): string {
  let line = `{"time":"${new Date(time).toISOString()}","level":"${level}","message":"${escapeText(message, MESSAGE_LENGTH_MAX)}"`;
  const end = line.length + FIELDS_LENGTH_MAX;
  for (const [name, value] of Object.entries(fields)) {
    const member = `,"${escapeText(name, 64)}":${renderValue(value)}`;
    if (line.length + member.length > end) return `${line},"truncated":true}\n`;
    line += member;
  }
  return `${line}}\n`;
}

function renderText(time: number, level: LogLevel, message: string, fields: LogFields): string {
  // Without its quotes a message is still one line: what could end it is escaped.
  let line = `${new Date(time).toISOString()} ${level.toUpperCase().padEnd(5)} ${escapeText(message, MESSAGE_LENGTH_MAX)}`;
  const end = line.length + FIELDS_LENGTH_MAX;
  for (const [name, value] of Object.entries(fields)) {
    const member = ` ${name}=${renderValue(value)}`;
    if (line.length + member.length > end) return `${line} truncated=true\n`;
    line += member;
  }
  return `${line}\n`;
}

/** A value as JSON: numbers and booleans as they are, everything else as text. */
function renderValue(value: unknown): string {
  if (typeof value === "boolean" || value === null) return String(value);
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "null";
  return `"${escapeText(describe(value), VALUE_LENGTH_MAX)}"`;
}

function describe(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return describeError(value, CAUSES_MAX);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // A cycle or a toJSON that throws: the line matters more than this value.
    return "[not printable]";
  }
}

function describeError(error: Error, causesMax: number): string {
  const { code } = error as NodeJS.ErrnoException;
  const own = `${error.name}: ${error.message}${code === undefined ? "" : ` (${code})`}`;
  if (!(error.cause instanceof Error) || causesMax === 0) return own;
  return `${own}; caused by ${describeError(error.cause, causesMax - 1)}`;
}
