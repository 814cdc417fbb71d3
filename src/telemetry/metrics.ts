/**
 * Telemetry: what is told of a settled request (metrics, access log) and of the gateway itself (log). A request pays for
 * counting in preallocated cells and for copying one line into a buffer; everything else happens when someone scrapes
 * or a timer fires. This file holds the metrics of a serving process.
 */
import type { Limit } from "../config/limits.ts";
import type { RuntimeConfig } from "../config/runtime-config.ts";
import { closedErrorType, GenAiMetrics } from "./gen-ai-metrics.ts";
import { ModelLabels } from "./model-labels.ts";
import { ProcessMetrics } from "./process-metrics.ts";
import { type Cell, type FamilySnapshot, LabelTree, NumberFamily, renderLabels } from "./registry.ts";
import type { RequestRecord, RequestSink } from "./request-record.ts";

/** All metrics of one process at one moment; plain data that survives JSON and structured clone. */
export type MetricsSnapshot = readonly FamilySnapshot[];

/** Numbers that others keep and a snapshot asks for. */
export interface Observed {
  /** Requests accepted and not yet settled. */
  readonly requestsInFlight: () => number;
  /** Access log lines that could not be written. */
  readonly accessLogLinesDropped: () => number;
}

/** Metrics of one serving process, fed with settled requests. */
export class Metrics implements RequestSink {
  readonly #observed: Observed;
  readonly #models = new ModelLabels();
  readonly #genAi = new GenAiMetrics(this.#models);
  readonly #process = new ProcessMetrics();

  readonly #requests = new NumberFamily(
    { name: "aigw_requests_total", help: "Requests by how they ended." },
    "counter",
  );
  readonly #requestCells = new LabelTree<Cell>();
  readonly #attempts = new NumberFamily(
    { name: "aigw_upstream_attempts_total", help: "Requests sent to a backend, retries included." },
    "counter",
  );
  readonly #attemptCells = new LabelTree<Cell>();
  readonly #failures = new NumberFamily(
    {
      name: "aigw_upstream_failures_total",
      help: "Requests that failed at a backend; upstream_unavailable is no connection or one that was lost.",
    },
    "counter",
  );
  readonly #failureCells = new LabelTree<Cell>();
  readonly #estimated = new NumberFamily(
    { name: "aigw_usage_estimated_total", help: "Requests whose provider did not tell their usage." },
    "counter",
  );
  readonly #limitRefusals = new NumberFamily(
    {
      name: "aigw_limit_refused_total",
      help: "Requests refused by a limit, and those that one in shadow mode would have refused.",
    },
    "counter",
  );
  readonly #inFlight = new NumberFamily(
    { name: "aigw_requests_in_flight", help: "Requests accepted and not yet ended." },
    "gauge",
  );
  readonly #linesDropped = new NumberFamily(
    { name: "aigw_access_log_lines_dropped_total", help: "Access log lines that could not be written." },
    "counter",
  );

  constructor(observed: Observed) {
    this.#observed = observed;
  }

  /** Tells which model names a configuration names; call it for every configuration put in force. */
  configure(config: RuntimeConfig): void {
    this.#models.configure(config);
  }

  settle(record: RequestRecord): void {
    this.#genAi.observe(record);
    const { endpoint, outcome, errorType, backendName } = record;
    const ended = this.#requestCells.at(endpoint).at(outcome).at(errorType);
    ended.leaf ??= this.#requests.series(
      renderLabels({
        endpoint: endpoint === "" ? "none" : endpoint,
        outcome,
        error_type: errorType === "" ? "" : closedErrorType(errorType),
      }),
    );
    ended.leaf.value++;
    if (record.refusedBy !== undefined) this.#countRefusal(record.refusedBy);
    for (const limit of record.shadowRefusals) this.#countRefusal(limit);
    if (record.usage.estimated) this.#estimated.series("").value++;
    if (record.attempts === 0) return;
    for (const failed of record.failedBackends) {
      this.#countAttempt(failed);
      this.#countFailure(failed, "upstream_error");
    }
    this.#countAttempt(backendName);
    if (outcome === "error") this.#countFailure(backendName, errorType);
  }

  /** Everything counted so far, and how the process is now. */
  snapshot(): MetricsSnapshot {
    this.#inFlight.series("").value = this.#observed.requestsInFlight();
    this.#linesDropped.series("").value = this.#observed.accessLogLinesDropped();
    const families = [
      this.#requests,
      this.#inFlight,
      this.#attempts,
      this.#failures,
      this.#estimated,
      this.#limitRefusals,
      this.#linesDropped,
    ];
    return [...this.#genAi.snapshot(), ...families.map((family) => family.snapshot()), ...this.#process.snapshot()];
  }

  #countRefusal({ id, kind, shadow }: Limit): void {
    this.#limitRefusals.series(renderLabels({ limit: id, kind, shadow: String(shadow) })).value++;
  }

  #countAttempt(backendName: string): void {
    const attempts = this.#attemptCells.at(backendName);
    attempts.leaf ??= this.#attempts.series(renderLabels({ backend: backendName }));
    attempts.leaf.value++;
  }

  #countFailure(backendName: string, errorType: string): void {
    const failures = this.#failureCells.at(backendName).at(errorType);
    failures.leaf ??= this.#failures.series(
      renderLabels({ backend: backendName, error_type: closedErrorType(errorType) }),
    );
    failures.leaf.value++;
  }
}
