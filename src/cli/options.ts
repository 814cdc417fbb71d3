/** Options that several commands have, and how their values are read. */
import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { WithoutStore } from "../ratelimit/limiter.ts";
import type { LimitOptions } from "../ratelimit/open-limiter.ts";
import { parseRedisUrl } from "../ratelimit/redis-address.ts";
import type { RateLimitService } from "../xds/rate-limit.ts";
import type { TelemetryOptions } from "./run/fleet.ts";

/** How long the processor may take for one message unless told. */
const MESSAGE_TIMEOUT_MS = 10_000;

/** How long a request waits for the rate limit service unless told: a little longer than ours may take where counters are contended. */
const RATE_LIMIT_TIMEOUT_MS = 1_500;

/** Options of every command that serves requests. */
export interface ServingOptions extends ProcessOptions {
  readonly accessLog: string;
  readonly prices?: string;
}

/** Options of every command that serves. */
export interface ProcessOptions extends Omit<TelemetryOptions, "accessLog"> {
  readonly adminPort: number;
  readonly workers: number;
  readonly drainSeconds: number;
  readonly limitStore?: string;
  readonly limitStoreCa?: string;
  readonly limitsWithoutStore: WithoutStore;
  readonly replicas: number;
}

const ADMIN_PORT = 1064;

/** Adds the options of {@link ServingOptions}. */
export function addServingOptions(command: Command): Command {
  return addProcessOptions(command, ADMIN_PORT)
    .addOption(
      new Option("--access-log <where>", '"-" for standard output, "none", or a file')
        .default(process.env["OTEL_LOGS_EXPORTER"] === "none" ? "none" : "-")
        .argParser(String),
    )
    .option("--prices <file>", "prices of models, over those that are built in (JSON or YAML)");
}

/** Adds the options of {@link ProcessOptions}. */
export function addProcessOptions(command: Command, adminPort: number): Command {
  return command
    .option(
      "--admin-port <number>",
      "port of metrics, health and status, on 127.0.0.1; 0 for a free one",
      port,
      adminPort,
    )
    .option("--workers <number>", "processes that serve", count, availableParallelism())
    .option("--no-metrics", "do not count for /metrics")
    .addOption(new Option("--debug", "log every phase, bodies redacted").env("AIGW_DEBUG").default(false))
    .addOption(
      new Option("--log-format <format>", "format of the log on standard error")
        .choices(["text", "json"])
        .default("text"),
    )
    .option("--drain-seconds <number>", "how long requests may finish after SIGTERM", count, 30)
    .addOption(
      new Option(
        "--limit-store <url>",
        "Redis that gateways count limits in together: redis:// or rediss://, redis+sentinel://, redis+cluster://" +
          " (default: each counts in its memory)",
      ).env("AIGW_LIMIT_STORE"),
    )
    .option("--limit-store-ca <file>", "PEM file of the CA that signed its certificate")
    .addOption(
      new Option("--limits-without-store <mode>", "what becomes of requests with limits while that Redis is away")
        .choices(["fail-open", "fail-closed", "local-share"])
        .default("fail-open"),
    )
    .option("--replicas <number>", "how many gateways share it: local-share divides limits by that", count, 1);
}

/** Where counters are kept. Throws where the URL is wrong, with a message that does not repeat it. */
export function limitOptions(options: ProcessOptions): LimitOptions {
  const { limitStore: store, limitStoreCa: storeCa, limitsWithoutStore: withoutStore, replicas } = options;
  try {
    if (store !== undefined) parseRedisUrl(store);
  } catch (cause) {
    throw new Error(`--limit-store: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  return { store, storeCa, withoutStore, replicas };
}

/** How long the processor may take for one message before Envoy gives the request up. */
export function messageTimeoutOption(): Option {
  return new Option("--message-timeout <ms>", "how long Envoy waits for each answer of the processor")
    .argParser(milliseconds)
    .default(MESSAGE_TIMEOUT_MS);
}

/** The rate limit service of an Envoy, as commander gives it. */
export interface RateLimitOptions {
  readonly rateLimitService?: { readonly host: string; readonly port: number };
  readonly rateLimitTimeout: number;
  readonly rateLimitDeny?: boolean;
}

/** Adds the options of {@link RateLimitOptions}. */
export function addRateLimitOptions(command: Command): Command {
  const service = "who counts global limits: `aigw ratelimit`, or Envoy's own service (default: the processor does)";
  return command
    .option("--rate-limit-service <host:port>", service, hostAndPort)
    .addOption(
      new Option("--rate-limit-timeout <ms>", "how long a request waits for that service")
        .argParser(milliseconds)
        .default(RATE_LIMIT_TIMEOUT_MS),
    )
    .option("--rate-limit-deny", "refuse requests while that service does not answer (default: let them pass)");
}

/** The service as Envoy's configuration names it; undefined = none. */
export function rateLimitService(options: RateLimitOptions): RateLimitService | undefined {
  const { rateLimitService, rateLimitTimeout: timeoutMs, rateLimitDeny: denyOnFailure = false } = options;
  return rateLimitService && { ...rateLimitService, timeoutMs, denyOnFailure };
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
