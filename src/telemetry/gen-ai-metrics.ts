/**
 * The four histograms of the OpenTelemetry GenAI conventions
 * (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/), under the Prometheus names, buckets and labels
 * that dashboards made for Envoy AI Gateway select on.
 */
import { ERROR_CODES } from "../errors/gateway-error.ts";
import type { TokenUsage } from "../usage/token-usage.ts";
import { exponentialBounds, type Histogram } from "./histogram.ts";
import { type ModelLabels, OVERFLOW, UNKNOWN } from "./model-labels.ts";
import { type FamilySnapshot, HistogramFamily, LabelTree, renderLabels } from "./registry.ts";
import type { RequestRecord } from "./request-record.ts";

/** Series of all four histograms together; what would be one more is counted under `__overflow__` models. */
export const SERIES_MAX = 2000;

/** Value of `error_type` for a type outside the closed list, as OpenTelemetry spells it
 * (https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/). */
const OTHER_ERROR = "_OTHER";

/** The meter that such dashboards know these metrics by. */
const SCOPE = "envoyproxy/ai-gateway";

const TOKEN_BOUNDS = exponentialBounds(1, 4, 14);
const DURATION_BOUNDS = exponentialBounds(0.01, 2, 14);
const FIRST_TOKEN_BOUNDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 15, 20, 30, 45, 60,
];
const OUTPUT_TOKEN_BOUNDS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];

interface Labels {
  readonly operation: string;
  readonly provider: string;
  readonly original: string;
  readonly request: string;
  readonly response: string;
}

/** The histograms of one label combination, each made when it is first needed: what was never said has no series. */
interface Combination {
  readonly labels: Labels;
  duration: Histogram | undefined;
  readonly failures: Map<string, Histogram>;
  firstToken: Histogram | undefined;
  outputToken: Histogram | undefined;
  input: Histogram | undefined;
  cachedInput: Histogram | undefined;
  cacheCreationInput: Histogram | undefined;
  output: Histogram | undefined;
  reasoning: Histogram | undefined;
}

/** Observes settled requests. */
export class GenAiMetrics {
  readonly #models: ModelLabels;
  readonly #combinations = new LabelTree<Combination>();
  readonly #tokens = new HistogramFamily(
    { name: "gen_ai_client_token_usage", help: "Number of tokens processed." },
    TOKEN_BOUNDS,
  );
  readonly #duration = new HistogramFamily(
    {
      name: "gen_ai_server_request_duration_seconds",
      help: "Time from the arrival of a request to the end of its answer.",
    },
    DURATION_BOUNDS,
  );
  readonly #firstToken = new HistogramFamily(
    {
      name: "gen_ai_server_time_to_first_token_seconds",
      help: "Time from the arrival of a request to the first byte of its streamed answer.",
    },
    FIRST_TOKEN_BOUNDS,
  );
  readonly #outputToken = new HistogramFamily(
    {
      name: "gen_ai_server_time_per_output_token_seconds",
      help: "Time per output token after the first, of streamed answers.",
    },
    OUTPUT_TOKEN_BOUNDS,
  );

  constructor(models: ModelLabels) {
    this.#models = models;
  }

  observe(record: RequestRecord): void {
    const { operation, provider, outcome } = record;
    // Unknown paths, and what the gateway answers by itself, are no operation of a model.
    if (operation === "" || (outcome === "ok" && provider === "")) return;
    const accepted = record.upstreamStatus >= 200 && record.upstreamStatus < 400;
    const combination = this.#find(record, accepted);
    const seconds = (record.endMs - record.startMs) / 1000;
    if (outcome === "ok") {
      combination.duration ??= this.#series(this.#duration, combination.labels);
      combination.duration.observe(seconds);
    } else {
      this.#failures(combination, record.errorType).observe(seconds);
    }
    if (accepted) this.#observeTokens(combination, record.usage);
    if (accepted && record.stream && record.firstByteMs > 0) this.#observePace(combination, record);
  }

  snapshot(): FamilySnapshot[] {
    return [this.#tokens, this.#duration, this.#firstToken, this.#outputToken].map((family) => family.snapshot());
  }

  #find(record: RequestRecord, accepted: boolean): Combination {
    const { operation, originalModel, requestModel } = record;
    const provider = record.provider === "" ? UNKNOWN : record.provider;
    const original = this.#models.asked(originalModel, accepted);
    const request = requestModel === originalModel ? original : this.#models.asked(requestModel, accepted);
    const response = accepted ? this.#models.answered(record.responseModel) : UNKNOWN;
    const models = this.#combinations.at(operation).at(provider);
    const known = models.peek(original)?.peek(request)?.peek(response)?.leaf;
    if (known !== undefined) return known;
    const labels = this.#isFull()
      ? { operation, provider, original: OVERFLOW, request: OVERFLOW, response: OVERFLOW }
      : { operation, provider, original, request, response };
    const branch = models.at(labels.original).at(labels.request).at(labels.response);
    branch.leaf ??= newCombination(labels);
    return branch.leaf;
  }

  #isFull(): boolean {
    const { size } = this.#tokens;
    return size + this.#duration.size + this.#firstToken.size + this.#outputToken.size >= SERIES_MAX;
  }

  #series(family: HistogramFamily, labels: Labels, more: Readonly<Record<string, string>> = {}): Histogram {
    const { operation, provider } = labels;
    const kept = this.#isFull()
      ? { operation, provider, original: OVERFLOW, request: OVERFLOW, response: OVERFLOW }
      : labels;
    return family.series(renderLabels({ ...attributes(kept), ...more }));
  }

  #failures(combination: Combination, errorType: string): Histogram {
    let histogram = combination.failures.get(errorType);
    if (histogram === undefined) {
      histogram = this.#series(this.#duration, combination.labels, { error_type: closedErrorType(errorType) });
      combination.failures.set(errorType, histogram);
    }
    return histogram;
  }

  #observeTokens(combination: Combination, usage: TokenUsage): void {
    if (usage.inputTokens !== undefined) {
      combination.input ??= this.#tokenSeries(combination, "input");
      combination.input.observe(usage.inputTokens);
    }
    if (usage.cachedInputTokens !== undefined) {
      combination.cachedInput ??= this.#tokenSeries(combination, "cached_input");
      combination.cachedInput.observe(usage.cachedInputTokens);
    }
    if (usage.cacheCreationInputTokens !== undefined) {
      combination.cacheCreationInput ??= this.#tokenSeries(combination, "cache_creation_input");
      combination.cacheCreationInput.observe(usage.cacheCreationInputTokens);
    }
    if (usage.outputTokens !== undefined) {
      combination.output ??= this.#tokenSeries(combination, "output");
      combination.output.observe(usage.outputTokens);
    }
    if (usage.reasoningTokens !== undefined) {
      combination.reasoning ??= this.#tokenSeries(combination, "reasoning");
      combination.reasoning.observe(usage.reasoningTokens);
    }
  }

  #tokenSeries(combination: Combination, type: string): Histogram {
    return this.#series(this.#tokens, combination.labels, { gen_ai_token_type: type });
  }

  #observePace(combination: Combination, record: RequestRecord): void {
    combination.firstToken ??= this.#series(this.#firstToken, combination.labels);
    combination.firstToken.observe((record.firstByteMs - record.startMs) / 1000);
    const { outputTokens, estimated } = record.usage;
    if (record.outcome !== "ok" || estimated || outputTokens === undefined) return;
    // A single event says nothing about the pace of what is in it.
    if (outputTokens < 2 || record.events < 2) return;
    combination.outputToken ??= this.#series(this.#outputToken, combination.labels);
    combination.outputToken.observe((record.endMs - record.firstByteMs) / 1000 / (outputTokens - 1));
  }
}

/** `error_type` value of an error: the gateway's own codes, `upstream_error`, or `_OTHER`. */
export function closedErrorType(errorType: string): string {
  return Object.hasOwn(ERROR_CODES, errorType) || errorType === "upstream_error" ? errorType : OTHER_ERROR;
}

function newCombination(labels: Labels): Combination {
  return {
    labels,
    duration: undefined,
    failures: new Map(),
    firstToken: undefined,
    outputToken: undefined,
    input: undefined,
    cachedInput: undefined,
    cacheCreationInput: undefined,
    output: undefined,
    reasoning: undefined,
  };
}

/** Attribute names with `_` for dots, and the scope, as OpenTelemetry's Prometheus exporters write them
 * (https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/). */
function attributes(labels: Labels): Record<string, string> {
  return {
    gen_ai_operation_name: labels.operation,
    gen_ai_original_model: labels.original,
    gen_ai_provider_name: labels.provider,
    gen_ai_request_model: labels.request,
    gen_ai_response_model: labels.response,
    otel_scope_name: SCOPE,
    otel_scope_schema_url: "",
    otel_scope_version: "",
  };
}
