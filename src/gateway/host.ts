/**
 * The embedded host: one Node process, HTTP in, HTTP out. It drives the exchange over its own sockets; what it decides
 * itself is only about connections and time.
 */
import type { Listener } from "../config/runtime-config.ts";
import { GatewayError } from "../errors/gateway-error.ts";
import { ActiveCalls } from "../exchange/active-calls.ts";
import type { ExchangeContext } from "../exchange/exchange.ts";
import type { Plan } from "../exchange/plan.ts";
import type { Call } from "./call.ts";
import { type ListeningServer, listen } from "./listen.ts";
import { UpstreamRegistry } from "./upstream/registry.ts";

/** How often the end of the last requests is looked for while draining. */
const DRAIN_POLL_MS = 20;

/** Serves one plan at a time; a new plan takes over for requests that begin after it. */
export class EmbeddedHost {
  readonly context: ExchangeContext;
  readonly upstreams = new UpstreamRegistry();
  readonly #calls: ActiveCalls<Call>;
  #plan: Plan;
  #servers: { readonly server: ListeningServer; readonly listener: Listener }[] = [];

  constructor(context: ExchangeContext, plan: Plan) {
    this.context = context;
    this.#plan = plan;
    this.#calls = new ActiveCalls(context.nowMs);
  }

  /** The configuration for requests that begin now. */
  get plan(): Plan {
    return this.#plan;
  }

  /** Requests under way. */
  get inFlight(): number {
    return this.#calls.size;
  }

  /**
   * Opens every listener of the plan.
   *
   * @param host Address to listen on.
   * @param port Overrides the port of the only listener; 0 = chosen by the system.
   * @returns The ports, in the order of the plan's listeners.
   */
  async start(host: string, port: number | undefined): Promise<number[]> {
    for (const listener of this.#plan.config.listeners) {
      const server = await listen(this, { ...listener, port: port ?? listener.port }, host);
      this.#servers.push({ server, listener });
    }
    return this.#servers.map(({ server }) => server.port);
  }

  /**
   * Serves a new configuration from now on; requests under way finish on the one they began with. Ports are those of the
   * first plan: what else would have to be opened, closed or change its protocol waits for a restart.
   */
  reload(plan: Plan): void {
    this.#plan = plan;
    const { listeners } = plan.config;
    const isOnly = this.#servers.length === 1 && listeners.length === 1;
    for (const { server, listener } of this.#servers) {
      // With one port on both sides its number may be anything: the command line can say another one.
      const next = isOnly ? listeners[0] : listeners.find(({ port }) => port === listener.port);
      const isLike = next !== undefined && (next.tls === undefined) === (listener.tls === undefined);
      if (isLike) server.reload(next);
      else this.context.log.warn("a listener changed: restart to apply that", { listener: listener.name });
    }
    const ports = this.#servers.map(({ listener }) => listener.port);
    for (const { name, port } of listeners) {
      if (isOnly || ports.includes(port)) continue;
      this.context.log.warn("a listener was added: restart to apply that", { listener: name, port });
    }
    this.upstreams.retain(plan.upstreams);
  }

  begin(call: Call): void {
    this.#calls.add(call);
  }

  end(call: Call): void {
    this.#calls.remove(call);
  }

  /** Stops taking connections, lets requests finish for a while, then ends those that are left with an error. */
  async stop(drainMs: number): Promise<void> {
    for (const { server } of this.#servers) server.close();
    const deadline = this.context.nowMs() + drainMs;
    while (this.#calls.size > 0 && this.context.nowMs() < deadline) await pause(DRAIN_POLL_MS);
    for (const call of this.#calls.all()) call.fail(new GatewayError("shutting_down", "the gateway is shutting down"));
    await pause(this.#calls.size > 0 ? DRAIN_POLL_MS : 0);
    for (const { server } of this.#servers) server.destroy();
    this.upstreams.closeAll();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
