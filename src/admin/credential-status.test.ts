import assert from "node:assert/strict";
import { test } from "node:test";
import type { CredentialHealth } from "../backend-auth/credential-health.ts";
import type { ResourceStatus } from "../config/runtime-config.ts";
import { withCredentials } from "./credential-status.ts";

const ACCEPTED = { type: "Accepted", status: "True", reason: "R", message: "M" } as const;
const STATUSES: ResourceStatus[] = [
  { kind: "BackendSecurityPolicy", id: "default/p", conditions: [ACCEPTED] },
  { kind: "BackendSecurityPolicy", id: "default/keys", conditions: [ACCEPTED] },
  { kind: "AIServiceBackend", id: "default/p", conditions: [ACCEPTED] },
];
const NOON = Date.parse("2026-01-01T12:00:00Z");

function health(changes: Partial<CredentialHealth> = {}): CredentialHealth {
  return { policy: "default/p", ok: true, message: "", expiresAtMs: undefined, ...changes };
}

const PENDING = health({ ok: false });
const FAILED = health({ ok: false, message: "no: 401" });

const CASES = [
  { name: "without an end", in: [health()], want: ["True", "Issued", "valid"] },
  {
    name: "the end that is soonest",
    in: [health({ expiresAtMs: NOON + 1000 }), health(), health({ expiresAtMs: NOON })],
    want: ["True", "Issued", "valid until 2026-01-01T12:00:00.000Z"],
  },
  {
    name: "a renewal that fails",
    in: [health({ expiresAtMs: NOON, message: "no: 503" }), health()],
    want: ["True", "RenewalFailed", "valid until 2026-01-01T12:00:00.000Z; no: 503"],
  },
  {
    name: "one process that waits",
    in: [health(), PENDING],
    want: ["False", "Pending", "the credentials are being issued"],
  },
  { name: "one process that fails", in: [health(), PENDING, FAILED], want: ["False", "ExchangeFailed", "no: 401"] },
];
for (const { name, in: all, want } of CASES) {
  test(`a policy says how its credentials are: ${name}`, () => {
    const [policy, ...others] = withCredentials(STATUSES, all);
    const [accepted, ready] = policy?.conditions ?? [];
    assert.deepEqual(accepted, ACCEPTED);
    assert.deepEqual(ready, { type: "CredentialsReady", status: want[0], reason: want[1], message: want[2] });
    assert.deepEqual(others, STATUSES.slice(1));
  });
}
