/** What Envoy prints, in our log. */
import type { Readable } from "node:stream";
import type { LogLevel } from "../telemetry/logger.ts";

/** Envoy's options for lines that can be read here: level, logger, message with its line breaks escaped. */
export const LOG_OPTIONS = ["--log-format", "[%l][%n] %_"] as const;

/**
 * Loggers that talk at level debug. A list of those that are harmless: `http`, `http2`, `ext_proc` and `router` print whole
 * heads with their credentials, `config` prints the configuration.
 */
export const DEBUG_OPTIONS = ["--component-log-level", "upstream:debug,pool:debug,connection:debug"] as const;

/** A line that Envoy has printed. */
export interface EnvoyLine {
  /** Ours. */
  readonly level: LogLevel;
  readonly logger: string | undefined;
  readonly text: string;
}

const LINE = /^\[(\w+)\]\[([\w.]+)\] (.*)$/;
const LEVELS: Readonly<Record<string, LogLevel>> = {
  trace: "debug",
  debug: "debug",
  info: "debug",
  warning: "warn",
  error: "error",
  critical: "error",
};
const LINE_LENGTH_MAX = 4_096;

/**
 * Calls `said` with every line of a stream.
 */
export function readLines(stream: Readable, said: (line: EnvoyLine) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = (lines.pop() ?? "").slice(-LINE_LENGTH_MAX);
    for (const line of lines) if (line !== "") said(parseLine(line));
  });
  stream.on("end", () => {
    if (rest !== "") said(parseLine(rest));
  });
}

/** Takes a line apart; one that is not in Envoy's format (a crash, say) is a warning. */
export function parseLine(line: string): EnvoyLine {
  const [, level = "warning", logger, text = line] = LINE.exec(line) ?? [];
  return { level: LEVELS[level] ?? "warn", logger, text };
}
