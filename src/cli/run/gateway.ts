/** A running gateway: its fleet, its configuration as it changes, and its admin port. */
import { readFileSync } from "node:fs";
import { withCredentials } from "../../admin/credential-status.ts";
import type { KeyFolder } from "../../admin/key-folder.ts";
import { type AdminServer, type AdminStatus, startAdmin } from "../../admin/server.ts";
import type { HostKind } from "../../config/compile.ts";
import type { RuntimeConfig } from "../../config/runtime-config.ts";
import { ConfigError, type Fault, formatFault, formatPosition } from "../../errors/config-error.ts";
import { explainLimits, listLimits } from "../../exchange/explain-limits.ts";
import type { Source } from "../../resources/load.ts";
import { MODEL_HEADER } from "../../routing/route-table.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { SupervisorMetrics } from "../../telemetry/supervisor-metrics.ts";
import { type Configuration, type Loaded, load } from "../load.ts";
import { VERSION } from "../version.ts";
import type { Fleet } from "./fleet.ts";
import type { Origin } from "./origin.ts";
import { canServe, type Served } from "./served.ts";
import { watchPaths } from "./watch.ts";

const NO_LISTENER = "no listener can be served: give the Gateway one with protocol HTTP or HTTPS";

/** What a gateway is made of, beside its configuration. */
export interface GatewayOptions {
  readonly fleet: Fleet;
  readonly host: HostKind;
  readonly log: Logger;
  readonly adminPort: number;
  readonly drainSeconds: number;
  /** Where keys are managed; undefined = nowhere. */
  readonly keys?: KeyFolder | undefined;
}

/** Keeps the gateway serving what its origin says. */
export class Gateway {
  readonly #origin: Origin;
  readonly #options: GatewayOptions;
  readonly #log: Logger;
  readonly #fleet: Fleet;
  readonly #metrics = new SupervisorMetrics(VERSION);
  #ports: readonly number[] = [];
  #admin: AdminServer | undefined;
  #loaded: Served | undefined;
  #refused: { readonly at: number; readonly faults: readonly Fault[] } | undefined;
  /** Texts of the configuration last looked at, in force or refused. */
  #seen = "";
  #reloading: Promise<void> = Promise.resolve();
  #unwatch: () => void = () => undefined;
  #ready = false;

  constructor(origin: Origin, options: GatewayOptions) {
    this.#origin = origin;
    this.#options = options;
    this.#log = options.log;
    this.#fleet = options.fleet;
  }

  /** Starts serving; false when the configuration or the machine does not allow it, which has been printed then. */
  async start(): Promise<boolean> {
    const configuration = this.#read();
    if (configuration === undefined) return false;
    const loaded = await load(configuration, process.env, this.#options.host);
    if (!canServe(loaded)) {
      printFaults(loaded.faults);
      return false;
    }
    if (loaded.config.listeners.length === 0) {
      process.stderr.write(`aigw: ${NO_LISTENER}\n`);
      return false;
    }
    this.#inForce(loaded);
    try {
      this.#ports = await this.#fleet.start(loaded);
      this.#admin = await this.#startAdmin();
    } catch (error) {
      process.stderr.write(`aigw: ${explainListen(error)}\n`);
      await this.stop();
      return false;
    }
    this.#ready = true;
    if (this.#origin.paths.length > 0) this.#watch();
    return true;
  }

  /** Ports listened on, in the order of {@link config}'s listeners. */
  get ports(): readonly number[] {
    return this.#ports;
  }

  /** The configuration in force. */
  get config(): RuntimeConfig | undefined {
    return this.#loaded?.config;
  }

  /** A model to try: the origin's, else one that the configuration names. */
  get exampleModel(): string {
    const rules = this.#loaded?.plan.config.routes.flatMap((route) => route.rules) ?? [];
    const matches = rules.flatMap((rule) => rule.matches.flat());
    const named = matches.find(({ name, type }) => name === MODEL_HEADER && type === "Exact");
    return this.#origin.exampleModel || (named?.value ?? "any-model");
  }

  get adminUrl(): string {
    return `http://127.0.0.1:${this.#admin?.port ?? 0}`;
  }

  /** What the user should know of the processes that serve, a line each. */
  get notes(): readonly string[] {
    return this.#fleet.notes?.() ?? [];
  }

  /** Finishes requests under way and ends. */
  async stop(): Promise<void> {
    this.#ready = false;
    this.#unwatch();
    await this.#reloading;
    await this.#fleet.stop(this.#options.drainSeconds * 1000);
    await this.#admin?.close();
    await this.#origin.simulator?.close();
  }

  #read(): Configuration | undefined {
    try {
      const configuration = configurationOf(this.#origin);
      this.#seen = textOf(configuration);
      return configuration;
    } catch (error) {
      process.stderr.write(`aigw: cannot read the configuration: ${error instanceof Error ? error.message : error}\n`);
      return undefined;
    }
  }

  #watch(): void {
    this.#unwatch();
    const paths = [...this.#origin.paths, ...(this.#loaded?.files.map((file) => file.path) ?? [])];
    this.#unwatch = watchPaths(paths, () => {
      // One at a time: a change during a reload is looked at after it.
      this.#reloading = this.#reloading.then(() => this.#reload());
    });
  }

  async #reload(): Promise<void> {
    let configuration: Configuration;
    try {
      configuration = configurationOf(this.#origin);
      const text = textOf(configuration);
      if (text === this.#seen && !this.#filesChanged()) return;
      this.#seen = text;
    } catch (error) {
      // Deleted or half-written: what serves goes on serving, and the next change is looked at again.
      if (this.#seen !== "") this.#log.warn("the configuration cannot be read; the old one stays in force", { error });
      this.#seen = "";
      return;
    }
    const loaded = await load(configuration, process.env, this.#options.host);
    if (!canServe(loaded)) {
      this.#refuse(loaded.faults);
      return;
    }
    if (loaded.config.listeners.length === 0) {
      // As of a file that is being written.
      const [file = ""] = this.#origin.paths;
      this.#refuse([{ source: { file, line: 1, column: 1 }, path: "Gateway", reason: NO_LISTENER }]);
      return;
    }
    try {
      this.#ports = (await this.#fleet.reload(loaded)) ?? this.#ports;
    } catch (error) {
      const source = { file: "<gateway>", line: 1, column: 1 };
      const other = { source, path: "reload", reason: explainListen(error) };
      this.#refuse(error instanceof ConfigError ? error.faults : [other]);
      return;
    }
    this.#refused = undefined;
    this.#metrics.reloadsOk += 1;
    this.#inForce(loaded);
    this.#log.info("configuration reloaded", { version: loaded.config.version });
    this.#watch();
  }

  #refuse(faults: readonly Fault[]): void {
    this.#refused = { at: Date.now(), faults };
    this.#metrics.reloadsRefused += 1;
    for (const fault of faults) this.#log.error("configuration refused", { fault: formatFault(fault) });
  }

  #inForce(loaded: Served): void {
    this.#loaded = loaded;
    this.#metrics.configVersion = loaded.config.version;
    this.#tellNotices(loaded);
  }

  /** Whether a file that the configuration names by path has other contents now. */
  #filesChanged(): boolean {
    return this.#loaded?.files.some(({ path, text }) => readOrEmpty(path) !== text) ?? false;
  }

  async #startAdmin(): Promise<AdminServer> {
    const { keys } = this.#options;
    return await startAdmin({
      port: this.#options.adminPort,
      log: this.#log,
      metrics: async () => [...(await this.#fleet.snapshots()).map(({ metrics }) => metrics), this.#metrics.snapshot()],
      isReady: () => this.#ready && this.#fleet.isReady(),
      status: () => this.#status(),
      limits: { list: () => this.#listLimits(), explain: (query) => this.#explainLimits(query) },
      keys: keys && { folder: keys, check: (file) => this.#check(file) },
    });
  }

  async #listLimits(): Promise<object> {
    const reports = await this.#fleet.limits([]);
    const known = reports.flatMap((report) => report.known);
    return this.#loaded === undefined ? {} : listLimits(this.#loaded.plan, known);
  }

  async #explainLimits(query: URLSearchParams): Promise<object | string> {
    if (this.#loaded === undefined) return "there is no configuration";
    return await explainLimits(this.#loaded.plan, query, async (demands) => {
      const [report] = await this.#fleet.limits(demands);
      return report?.readings ?? [];
    });
  }

  /** What is wrong with a further file of the configuration; undefined = nothing. */
  async #check(file: Source): Promise<string | undefined> {
    const configuration = { sources: [...this.#origin.read(), file], loadedAt: 0 };
    const { faults } = await load(configuration, process.env, this.#options.host);
    const fault = faults.find(({ source }) => source.file === file.name);
    return fault && `${fault.path}: ${fault.reason}`;
  }

  async #status(): Promise<AdminStatus> {
    const health = (await this.#fleet.snapshots()).flatMap(({ credentials }) => credentials);
    const { plan, configuration } = this.#loaded ?? {};
    const listeners = plan?.config.listeners ?? [];
    return {
      config: plan && configuration && { version: plan.config.version, loadedAt: configuration.loadedAt * 1000 },
      listeners: listeners.map((listener, i) => ({ ...listener, port: this.#ports[i] ?? listener.port })),
      resources: withCredentials(plan?.config.statuses ?? [], health),
      refused: this.#refused,
    };
  }

  #tellNotices({ ignored, notices }: Loaded): void {
    for (const { kind, id, source } of ignored) {
      this.#log.warn("resource of a kind this gateway does not read", { kind, id, at: formatPosition(source) });
    }
    for (const notice of notices) this.#log.warn("configuration notice", { notice: formatFault(notice) });
  }
}

function configurationOf(origin: Origin): Configuration {
  const { closed } = origin;
  return { sources: origin.read(), prices: origin.readPrices?.(), loadedAt: Math.floor(Date.now() / 1000), closed };
}

function textOf({ sources, prices }: Configuration): string {
  return JSON.stringify([sources, prices]);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Gone for the moment, as while an editor replaces it: a change to be looked at.
    return "";
  }
}

function printFaults(faults: readonly Fault[]): void {
  for (const fault of faults) process.stderr.write(`${formatFault(fault)}\n`);
  const many = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  process.stderr.write(`aigw: the configuration has ${many}; nothing was started\n`);
}

/** Says what a failure to serve means; most are about ports. */
function explainListen(error: unknown): string {
  const { code, address, port = 0, message } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === "EADDRINUSE" && port <= 0) return `${address} is in use: choose another path with --listen`;
  if (code === "EADDRINUSE")
    return `port ${port} is in use: choose another with --port, --listen or --admin-port (0 = a free one)`;
  if (code === "EACCES" && port > 0) return `port ${port} needs privileges: choose one from 1024`;
  return message;
}
