import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFault } from "../errors/config-error.ts";
import { parseResources } from "./load.ts";

function read(spec: string) {
  const text = `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: p}
spec: {targetRefs: [], ${spec}}
`;
  const { faults } = parseResources([{ name: "f.yaml", text }], {}, () => "");
  const short = (finding: Parameters<typeof formatFault>[0]) =>
    formatFault(finding).replace(/^f\.yaml:4:\d+: BackendTrafficPolicy default\/p: spec\./, "");
  return { faults: faults.map(short) };
}

const LIMIT = "limit: {requests: 1, unit: Hour}";
const rule = (fields: string) => `rateLimit: {global: {rules: [{${fields}, ${LIMIT}}]}}`;
const selector = (fields: string) => rule(`clientSelectors: [{${fields}}]`);
const RULE = "rateLimit.global.rules[0]";

const FAULTS = [
  {
    name: "a trigger that is none",
    in: "retry: {retryOn: {triggers: [5x]}}",
    want: [
      'retry.retryOn.triggers[0]: must be one of 5xx, gateway-error, reset, reset-before-request, connect-failure, retriable-4xx, refused-stream, retriable-status-codes, cancelled, deadline-exceeded, internal, resource-exhausted, unavailable, not "5x"; did you mean "5xx"?',
    ],
  },
  {
    name: "a status that is none",
    in: "retry: {retryOn: {httpStatusCodes: [99, 600]}}",
    want: [
      "retry.retryOn.httpStatusCodes[0]: must be at least 100, not 99",
      "retry.retryOn.httpStatusCodes[1]: must be at most 599, not 600",
    ],
  },
  {
    name: "waits that shrink",
    in: "retry: {perRetry: {backOff: {baseInterval: 1s, maxInterval: 999ms}}}",
    want: ["retry.perRetry.backOff.maxInterval: must not be shorter than baseInterval (1s)"],
  },
  {
    name: "no time to connect in",
    in: "timeout: {tcp: {connectTimeout: 0s}}",
    want: ['timeout.tcp.connectTimeout: must be a duration longer than 0s, such as 30s, 1m30s or 500ms, not "0s"'],
  },
  {
    name: "no wait at all",
    in: "retry: {perRetry: {backOff: {baseInterval: 0s}}}",
    want: [
      'retry.perRetry.backOff.baseInterval: must be a duration longer than 0s, such as 30s, 1m30s or 500ms, not "0s"',
    ],
  },
  {
    name: "a health check of HTTP that does not say what to ask for",
    in: "healthCheck: {active: {type: HTTP}}",
    want: ["healthCheck.active.http: is required with type HTTP, e.g. http: {path: /health}"],
  },
  {
    name: "a percentage that is none",
    in: "healthCheck: {passive: {maxEjectionPercent: 101}}",
    want: ["healthCheck.passive.maxEjectionPercent: must be at most 100, not 101"],
  },
  {
    name: "a hash of nothing",
    in: "loadBalancer: {type: ConsistentHash}",
    want: ["loadBalancer.consistentHash: is required with type ConsistentHash"],
  },
  {
    name: "a hash of no header",
    in: "loadBalancer: {type: ConsistentHash, consistentHash: {type: Header}}",
    want: ["loadBalancer.consistentHash.header: is required with type Header"],
  },
  {
    name: "a hash of no headers",
    in: "loadBalancer: {type: ConsistentHash, consistentHash: {type: Headers}}",
    want: ["loadBalancer.consistentHash.headers: is required with type Headers"],
  },
  {
    name: "a kind of rate limit without its rules",
    in: "rateLimit: {type: Global, local: {}}",
    want: ["rateLimit.global: is required with type Global"],
  },
  {
    name: "a rate limit without a number",
    in: "rateLimit: {global: {rules: [{}]}}",
    want: [`${RULE}.limit: is required`],
  },
  {
    name: "a selector that selects nothing",
    in: selector("headers: []"),
    want: [`${RULE}.clientSelectors[0]: needs at least one of headers, methods, path, sourceCIDR and queryParams`],
  },
  {
    name: "headers with too little and too much",
    in: selector(
      "headers: [{name: a}, {name: b, type: Distinct, value: c}, {name: d, type: Distinct, invert: true}, {name: e, type: Distinct}]",
    ),
    want: [
      `${RULE}.clientSelectors[0].headers[0].value: is required with type Exact`,
      `${RULE}.clientSelectors[0].headers[1].value: must not be given with type Distinct, which takes every value`,
      `${RULE}.clientSelectors[0].headers[2].invert: must not be given with type Distinct, which takes every value`,
    ],
  },
  ...["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::1/129", "10.0.0.0/8/8", "a/8", "10.0.0.0/"].map((cidr) => ({
    name: `the range ${cidr}`,
    in: selector(`sourceCIDR: {value: "${cidr}"}`),
    want: [`${RULE}.clientSelectors[0].sourceCIDR.value: must be a range such as 10.0.0.0/8 or 2001:db8::/32`],
  })),
  {
    name: "costs that do not say where they come from",
    in: rule("cost: {request: {from: Number}, response: {from: Metadata, number: 1}}"),
    want: [
      `${RULE}.cost.request.number: is required with from: Number`,
      `${RULE}.cost.response.metadata: is required with from: Metadata`,
    ],
  },
  {
    name: "a parameter without value, of a limit that each gateway counts for itself",
    in: `rateLimit: {local: {rules: [{clientSelectors: [{queryParams: [{name: a}]}], ${LIMIT}}]}}`,
    want: ["rateLimit.local.rules[0].clientSelectors[0].queryParams[0].value: is required with type Exact"],
  },
  {
    name: "a cost from two places",
    in: rule("cost: {request: {from: Number, number: 1, metadata: {namespace: a, key: b}}}"),
    want: [`${RULE}.cost.request.metadata: must not be given with from: Number`],
  },
];

for (const { name, in: spec, want } of FAULTS) {
  test(`what is wrong in a BackendTrafficPolicy is reported at its place: ${name}`, () => {
    assert.deepEqual(read(spec).faults, want);
  });
}

const SOUND = [
  selector('sourceCIDR: {value: "::/0"}'),
  selector("sourceCIDR: {value: 192.0.2.1/32, type: Distinct}"),
  selector("queryParams: [{name: a, type: Distinct}, {name: b, value: c, invert: true}]"),
  "rateLimit: {type: Local, local: {rules: []}}",
  `rateLimit: {type: Local, local: {rules: [{clientSelectors: [{methods: [{value: GET, invert: true}]}], ${LIMIT}}]}}`,
  "healthCheck: {active: {type: TCP, tcp: {}}}",
  "loadBalancer: {type: ConsistentHash, consistentHash: {type: SourceIP}}",
];

for (const spec of SOUND) {
  test(`a BackendTrafficPolicy may say ${spec}`, () => {
    assert.deepEqual(read(spec).faults, []);
  });
}
