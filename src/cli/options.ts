/** Options that several commands have, and how their values are read. */
import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { TelemetryOptions } from "./run/fleet.ts";

/** How long the processor may take for one message unless told. */
const MESSAGE_TIMEOUT_MS = 10_000;

/** Options of every command that serves. */
export interface ServingOptions extends TelemetryOptions {
  readonly adminPort: number;
  readonly workers: number;
  readonly drainSeconds: number;
}

/** Adds the options of {@link ServingOptions}. */
export function addServingOptions(command: Command): Command {
  return command
    .option("--admin-port <number>", "port of metrics, health and status, on 127.0.0.1; 0 for a free one", port, 1064)
    .option("--workers <number>", "processes that serve", count, availableParallelism())
    .addOption(
      new Option("--access-log <where>", '"-" for standard output, "none", or a file')
        .default(process.env["OTEL_LOGS_EXPORTER"] === "none" ? "none" : "-")
        .argParser(String),
    )
    .option("--no-metrics", "do not count for /metrics")
    .addOption(new Option("--debug", "log every phase, bodies redacted").env("AIGW_DEBUG").default(false))
    .addOption(
      new Option("--log-format <format>", "format of the log on standard error")
        .choices(["text", "json"])
        .default("text"),
    )
    .option("--drain-seconds <number>", "how long requests may finish after SIGTERM", count, 30);
}

/** How long the processor may take for one message before Envoy gives the request up. */
export function messageTimeoutOption(): Option {
  return new Option("--message-timeout <ms>", "how long Envoy waits for each answer of the processor")
    .argParser(milliseconds)
    .default(MESSAGE_TIMEOUT_MS);
}

/** Reads a port. */
export function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError("a port is a number from 0 to 65535");
  return value;
}

/** Reads a whole number from 1. */
export function count(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) === 0) throw new InvalidArgumentError("a whole number from 1 is wanted");
  return Number(text);
}

/** Reads milliseconds, up to an hour. */
export function milliseconds(text: string): number {
  const value = Number(text);
  if (!/^\d{1,7}$/.test(text) || value === 0 || value > 3_600_000) {
    throw new InvalidArgumentError("milliseconds from 1 to 3600000 are wanted");
  }
  return value;
}

/** Where something listens: a Unix socket's path, or a host and a port. */
export type SocketAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** Reads `unix:/path` or `host:port`; an IPv6 address stands in brackets. */
export function socketAddress(text: string): SocketAddress {
  const path = /^unix:(?:\/\/)?(\/.+)$/.exec(text)?.[1];
  if (path !== undefined) return { path };
  const { host, port } = hostAndPort(text);
  return { host, port };
}

/** Reads `host:port`; an IPv6 address stands in brackets. */
export function hostAndPort(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits = ""] = /^(?:\[([^\]]+)\]|([^:/[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw new InvalidArgumentError("host:port is wanted, such as 127.0.0.1:1063");
  return { host, port: port(digits) };
}
