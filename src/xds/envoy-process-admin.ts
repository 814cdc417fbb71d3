/** Questions to and orders for an Envoy over its admin port (https://www.envoyproxy.io/docs/envoy/latest/operations/admin). */
import { request } from "node:http";

/** Longest wait for an answer; a page that does not come is asked for again by whoever waits for it. */
const ANSWER_MS = 2_000;

/** Statistics of requests, of answers that wait for a slow caller, of calls to the processor, and of rules' clusters. */
const TRAFFIC =
  "^http\\..*\\.(downstream_rq_active|downstream_cx_tx_bytes_buffered|ext_proc\\.router\\.streams_(started|closed|failed))$" +
  "|^cluster\\.httproute/.*\\.upstream_rq_active$";
const COUNTED = /(downstream_rq_active|upstream_rq_active|bytes_buffered|started|closed|failed)$/;

/** The admin interface of one Envoy process. */
export class EnvoyAdmin {
  readonly url: string;

  /** @param address `host:port`, as Envoy writes it to its `--admin-address-path`. */
  constructor(address: string) {
    this.url = `http://${address}`;
  }

  /** Whether it has its first configuration and its workers run. */
  async isLive(): Promise<boolean> {
    const { status, body } = await this.#ask("GET", "/ready");
    return status === 200 && body.trim() === "LIVE";
  }

  /** Ports of the listeners that take connections, by name. */
  async listenerPorts(): Promise<ReadonlyMap<string, number>> {
    const { body } = await this.#ask("GET", "/listeners?format=json");
    const { listener_statuses: listeners = [] } = JSON.parse(body) as ListenersPage;
    return new Map(listeners.map(({ name, local_address }) => [name, local_address?.socket_address?.port_value ?? 0]));
  }

  /**
   * Whether a request is under way or an answer not yet sent. A request whose head is not whole is none: the processor has
   * not been asked about it.
   */
  async isBusy(): Promise<boolean> {
    const { body } = await this.#ask("GET", `/stats?format=json&filter=${encodeURIComponent(TRAFFIC)}`);
    const sums = {
      downstream_rq_active: 0,
      upstream_rq_active: 0,
      bytes_buffered: 0,
      started: 0,
      closed: 0,
      failed: 0,
    };
    for (const { name = "", value = 0 } of (JSON.parse(body) as StatsPage).stats) {
      const what = COUNTED.exec(name)?.[0] as keyof typeof sums | undefined;
      // This question is a request, too.
      if (what !== undefined && !name.startsWith("http.admin.")) sums[what] += value;
    }
    if (sums.bytes_buffered > 0) return true;
    const asked = sums.started === 0 || sums.started > sums.closed + sums.failed || sums.upstream_rq_active > 0;
    return sums.downstream_rq_active > 0 && asked;
  }

  /** How often a worker thread has added a listener. */
  async listenersAdded(): Promise<number> {
    const { body } = await this.#ask("GET", "/stats?format=json&filter=^listener_manager\\.listener_create_success$");
    return (JSON.parse(body) as StatsPage).stats[0]?.value ?? 0;
  }

  /** Takes no further connections; those that are open are asked to close with their next answer. */
  async drainListeners(): Promise<void> {
    // The first asks connections to close, and would stop listening only after --drain-time-s; the second stops at once.
    await this.#ask("POST", "/drain_listeners?graceful");
    await this.#ask("POST", "/drain_listeners");
  }

  #ask(method: "GET" | "POST", path: string): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const asked = request(this.url + path, { method, agent: false, timeout: ANSWER_MS }, (answer) => {
        let body = "";
        answer.setEncoding("utf8");
        answer.on("data", (text: string) => {
          body += text;
        });
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
        answer.on("error", reject);
      });
      asked.on("timeout", () => asked.destroy(new Error("Envoy's admin port does not answer")));
      asked.on("error", reject);
      asked.end();
    });
  }
}

interface ListenersPage {
  readonly listener_statuses?: readonly {
    readonly name: string;
    readonly local_address?: { readonly socket_address?: { readonly port_value?: number } };
  }[];
}

interface StatsPage {
  readonly stats: readonly { readonly name?: string; readonly value?: number }[];
}
