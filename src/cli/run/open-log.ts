/** The gateway's own log: on standard error, so that standard output is the access log's. */
import { createLogger, type Logger } from "../../telemetry/logger.ts";

/** Opens the log of this process. */
export function openLog({
  debug,
  logFormat,
}: {
  readonly debug: boolean;
  readonly logFormat: "text" | "json";
}): Logger {
  return createLogger({ level: debug ? "debug" : "info", format: logFormat });
}
