/**
 * The admin port: metrics, health and status of a gateway, for the operator, their Prometheus and their probes, and the calls
 * that manage keys. It shows what it is given by functions; it is bound to loopback unless told otherwise.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Listener, ResourceStatus } from "../config/runtime-config.ts";
import type { Fault } from "../errors/config-error.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { MetricsSnapshot } from "../telemetry/metrics.ts";
import { PROMETHEUS_CONTENT_TYPE, renderPrometheus } from "../telemetry/prometheus.ts";
import { answerKeys, isKeysPath, type KeyCalls } from "./keys.ts";
import { isLocalHostHeader, isLoopback } from "./loopback.ts";

type Awaitable<T> = T | Promise<T>;

/** What `/status` tells. */
export interface AdminStatus {
  /** The configuration in force; undefined = none yet. */
  readonly config: { readonly version: string; readonly loadedAt: number } | undefined;
  readonly listeners: readonly Pick<Listener, "name" | "port" | "hostname">[];
  readonly resources: readonly ResourceStatus[];
  /** The last change, where it was refused; undefined = the last one came into force. */
  readonly refused: { readonly at: number; readonly faults: readonly Fault[] } | undefined;
}

/** What an admin server is made of. Times are Unix milliseconds. */
export interface AdminOptions {
  /** 0 = chosen by the system. */
  readonly port: number;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  readonly log: Logger;
  /** Metrics of every process. */
  readonly metrics: () => Awaitable<readonly MetricsSnapshot[]>;
  /** Whether requests are taken: false before the first configuration is in force and while draining. */
  readonly isReady: () => boolean;
  readonly status: () => Awaitable<AdminStatus>;
  /** Undefined where nothing is limited. */
  readonly limits?: LimitCalls | undefined;
  /** Undefined where keys are not managed. */
  readonly keys?: KeyCalls | undefined;
}

/** What is told of limits, as documents. */
export interface LimitCalls {
  /** Every limit with its counters that are used most. */
  readonly list: () => Awaitable<object>;
  /** Limits of a request that a query describes; a sentence where the query is wrong. */
  readonly explain: (query: URLSearchParams) => Awaitable<object | string>;
}

/** A running admin server. */
export interface AdminServer {
  readonly port: number;
  /** Stops listening and ends open connections. */
  close(): Promise<void>;
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** Methods, for 405. */
  readonly allow?: string | undefined;
}

const TEXT = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json";

const INDEX = `aigw admin port

/metrics   metrics in the Prometheus text format
/healthz   200 while the process answers
/readyz    200 while requests are taken, else 503 (also /health)
/status    configuration, listeners and resources as JSON; ?kind= and ?name= choose resources
/limits    every limit with the counters that are used most, as JSON
/limits/explain?model=…&header=name:value&key=…   limits of such a request, and why others are not for it
/keys      keys of callers: GET lists, POST makes one; POST /keys/NAMESPACE/NAME/rotate; DELETE /keys/NAMESPACE/NAME revokes
`;

/** More connections than probes and scrapers need. */
const CONNECTIONS_MAX = 128;

/** Starts an admin server; rejects when the port cannot be had. */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const { port, host = "127.0.0.1", log } = options;
  const checkHost = isLoopback(host);
  const server = createServer((request, response) => {
    answer(request, options, checkHost)
      .catch((error: unknown): Page => {
        log.error("admin request failed", { path: request.url?.split("?", 1)[0], error });
        return text(500, "internal error\n");
      })
      .then((page) => send(response, page, request.method === "HEAD"))
      .catch((error: unknown) => log.error("admin answer failed", { error }));
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listen(server, port, host);
  // A connection that fails later ends by itself; without a listener it would end the process.
  server.on("error", (error) => log.error("admin server failed", { error }));
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

async function answer(request: IncomingMessage, options: AdminOptions, checkHost: boolean): Promise<Page> {
  // A web page whose name was pointed at 127.0.0.1 still sends its own name.
  if (checkHost && !isLocalHostHeader(request.headers.host)) return text(403, "unknown host name\n");
  if (isCrossOrigin(request)) return text(403, "requests of web pages are not answered\n");
  const [path = "/", query = ""] = splitOnce(request.url ?? "/", "?");
  if (isKeysPath(path)) {
    const { status, document, allow } = await answerKeys(request, path, options.keys);
    return { ...jsonPage(status, document), allow };
  }
  const page = pageOf(path, query, options);
  if (page === undefined) return text(404, "no such page; / lists them\n");
  if (request.method !== "GET" && request.method !== "HEAD") {
    return { ...text(405, "only GET and HEAD\n"), allow: "GET, HEAD" };
  }
  return await page();
}

/** Browsers say which page a request comes from, unless it is our own and only reads (https://fetch.spec.whatwg.org/#origin-header). */
function isCrossOrigin({ headers }: IncomingMessage): boolean {
  return headers.origin !== undefined && headers.origin !== `http://${headers.host}`;
}

function pageOf(path: string, query: string, options: AdminOptions): (() => Awaitable<Page>) | undefined {
  switch (path) {
    case "/":
      return () => text(200, INDEX);
    case "/metrics":
      return async () => ({
        status: 200,
        type: PROMETHEUS_CONTENT_TYPE,
        body: renderPrometheus(await options.metrics()),
      });
    case "/healthz":
      return () => text(200, "ok\n");
    case "/readyz":
    case "/health":
      return () => (options.isReady() ? text(200, "ok\n") : text(503, "not ready\n"));
    case "/status":
      return async () => statusPage(await options.status(), new URLSearchParams(query));
    default:
      return options.limits && limitsPage(path, query, options.limits);
  }
}

function limitsPage(path: string, query: string, limits: LimitCalls): (() => Awaitable<Page>) | undefined {
  switch (path) {
    case "/limits":
      return async () => jsonPage(200, await limits.list());
    case "/limits/explain":
      return async () => {
        const explained = await limits.explain(new URLSearchParams(query));
        return typeof explained === "string" ? jsonPage(400, { error: explained }) : jsonPage(200, explained);
      };
    default:
      return undefined;
  }
}

function jsonPage(status: number, document: object): Page {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(document, null, 2)}\n` };
}

/** Names each member, so that nothing a caller of this module adds to its objects is published by accident. */
function statusPage(status: AdminStatus, query: URLSearchParams): Page {
  const kind = query.get("kind");
  const name = query.get("name");
  const chosen = status.resources.filter(
    (resource) => (kind === null || resource.kind === kind) && (name === null || isNamed(resource.id, name)),
  );
  const { config, refused } = status;
  const document = {
    config: config && { version: config.version, loadedAt: isoTime(config.loadedAt) },
    refused: refused && { at: isoTime(refused.at), faults: refused.faults.map(publicFault) },
    listeners: status.listeners.map(({ name, port, hostname }) => ({ name, port, hostname })),
    resources: chosen.map(({ kind, id, conditions }) => ({ kind, id, conditions })),
  };
  return jsonPage(200, document);
}

function publicFault({ source, path, reason }: Fault): object {
  return { file: source.file, line: source.line, column: source.column, path, reason };
}

/** Whether an id is meant by a name: `namespace/name` or the name alone. */
function isNamed(id: string, name: string): boolean {
  return id === name || id.endsWith(`/${name}`);
}

function isoTime(unixMs: number): string {
  return new Date(unixMs).toISOString();
}

function splitOnce(value: string, separator: string): string[] {
  const at = value.indexOf(separator);
  return at < 0 ? [value] : [value.slice(0, at), value.slice(at + 1)];
}

function text(status: number, body: string): Page {
  return { status, type: TEXT, body };
}

function send(response: ServerResponse, page: Page, headOnly: boolean): void {
  const body = Buffer.from(page.body);
  response.writeHead(page.status, {
    "content-type": page.type,
    "content-length": body.length,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(page.allow === undefined ? {} : { allow: page.allow }),
  });
  response.end(headOnly ? undefined : body);
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
