import assert from "node:assert/strict";
import { test } from "node:test";
import { renderPrometheus } from "./prometheus.ts";
import { HistogramFamily, NumberFamily, renderLabels } from "./registry.ts";
import { SupervisorMetrics } from "./supervisor-metrics.ts";

test("counters, gauges and histograms in the text format", () => {
  const counter = new NumberFamily({ name: "c_total", help: "Counts." }, "counter");
  counter.series(renderLabels({ a: "1" })).value = 4;
  counter.series("").value = 0.5;
  const histogram = new HistogramFamily({ name: "h", help: "Spreads." }, [1, 2.5]);
  const unlabelled = histogram.series("");
  for (const value of [0.5, 1, 2, 3]) unlabelled.observe(value);
  histogram.series(renderLabels({ b: "x" })).observe(7);
  assert.equal(
    renderPrometheus([[counter.snapshot(), histogram.snapshot()]]),
    `# HELP c_total Counts.
# TYPE c_total counter
c_total{a="1"} 4
c_total 0.5
# HELP h Spreads.
# TYPE h histogram
h_bucket{le="1"} 2
h_bucket{le="2.5"} 3
h_bucket{le="+Inf"} 4
h_sum 6.5
h_count 4
h_bucket{b="x",le="1"} 0
h_bucket{b="x",le="2.5"} 0
h_bucket{b="x",le="+Inf"} 1
h_sum{b="x"} 7
h_count{b="x"} 1
`,
  );
});

test("label values cannot leave their quotes", () => {
  const gauge = new NumberFamily({ name: "g", help: "Is." }, "gauge");
  gauge.series(renderLabels({ evil: 'a"} 1\nfake{x="\\', half: "\ud800" })).value = 1;
  const [, , sample, end] = renderPrometheus([[gauge.snapshot()]]).split("\n");
  assert.equal(sample, 'g{evil="a\\"} 1\\nfake{x=\\"\\\\",half="\ufffd"} 1');
  assert.equal(end, "");
});

test("snapshots merge by sum, by maximum or by minimum, and a series that one process lacks is kept", () => {
  const process = (sum: number, max: number, label: string) => {
    const sums = new NumberFamily({ name: "s", help: "Sum." }, "gauge");
    sums.series("").value = sum;
    sums.series(renderLabels({ of: label })).value = sum;
    const worst = new NumberFamily({ name: "m", help: "Max." }, "gauge", "max");
    worst.series("").value = max;
    const soonest = new NumberFamily({ name: "n", help: "Min." }, "gauge", "min");
    soonest.series("").value = max;
    return [sums.snapshot(), worst.snapshot(), soonest.snapshot()];
  };
  const samples = renderPrometheus([process(1, 5, "a"), process(2, 3, "b")])
    .split("\n")
    .filter((line) => !line.startsWith("#"));
  assert.deepEqual(samples, ["s 3", 's{of="a"} 1', 's{of="b"} 2', "m 5", "n 3", ""]);
});

test("a family without series is not mentioned", () => {
  assert.equal(renderPrometheus([[new NumberFamily({ name: "n", help: "None." }, "counter").snapshot()]]), "");
});

test("the build and the configuration are told once", () => {
  const supervisor = new SupervisorMetrics("1.2.3");
  supervisor.configVersion = "abc";
  supervisor.reloadsOk = 2;
  supervisor.reloadsRefused = 1;
  const samples = renderPrometheus([supervisor.snapshot()])
    .split("\n")
    .filter((line) => !line.startsWith("#"));
  assert.deepEqual(samples, [
    `aigw_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
    'aigw_config_info{version="abc"} 1',
    'aigw_config_reloads_total{result="ok"} 2',
    'aigw_config_reloads_total{result="refused"} 1',
    "",
  ]);
});
