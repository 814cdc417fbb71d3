/** What is told of credentials: their health, and their metrics. */
import type { MetricsSnapshot } from "../telemetry/metrics.ts";
import { type FamilySnapshot, renderLabels } from "../telemetry/registry.ts";
import type { Authenticator } from "./authenticator.ts";
import type { KeyPool } from "./key-pool.ts";
import type { RefreshState } from "./refreshed-credential.ts";

/** An authenticator with what there is to tell of it. */
export interface KeptCredential {
  /** `namespace/name`. */
  readonly policy: string;
  readonly authenticator: Authenticator;
  /** Of types that are issued. */
  readonly issued: { readonly state: RefreshState } | undefined;
  /** Of keys. */
  readonly pool: KeyPool | undefined;
}

/** How the credentials of a policy are; plain data, which travels from workers to their supervisor. */
export interface CredentialHealth {
  /** `namespace/name`. */
  readonly policy: string;
  /** Whether requests can be signed. */
  readonly ok: boolean;
  /** Why the last exchange failed; "" = it did not. */
  readonly message: string;
  /** Unix milliseconds; undefined = never, or there is none. */
  readonly expiresAtMs: number | undefined;
}

/** How the credentials are that are issued; of keys knows only who accepts them. */
export function credentialHealth(all: readonly KeptCredential[]): CredentialHealth[] {
  return all.flatMap(({ policy, issued }) => {
    if (issued === undefined) return [];
    const { ok, failure, expiresAtMs } = issued.state;
    const ends = expiresAtMs === Number.POSITIVE_INFINITY ? undefined : expiresAtMs;
    return [{ policy, ok, message: failure, expiresAtMs: ends }];
  });
}

/** Metrics of credentials, by policy. */
export function credentialMetrics(all: readonly KeptCredential[], nowMs: number): MetricsSnapshot {
  const exchanges: Row[] = [];
  const expiry: Row[] = [];
  const resting: Row[] = [];
  const rests: Row[] = [];
  for (const { policy, issued, pool } of all) {
    if (issued !== undefined) {
      const { succeeded, failed, expiresAtMs = nowMs } = issued.state;
      exchanges.push([renderLabels({ policy, result: "ok" }), succeeded]);
      exchanges.push([renderLabels({ policy, result: "failed" }), failed]);
      if (expiresAtMs !== Number.POSITIVE_INFINITY) {
        expiry.push([renderLabels({ policy }), Math.round((expiresAtMs - nowMs) / 1000)]);
      }
    }
    if (pool === undefined || pool.size < 2) continue;
    resting.push([renderLabels({ policy }), pool.resting]);
    for (const [status, count] of pool.rests) {
      rests.push([renderLabels({ policy, status: String(status) }), count]);
    }
  }
  return [
    {
      ...family("aigw_credential_exchanges_total", "Exchanges for credentials of a policy.", exchanges),
      type: "counter",
    },
    {
      ...family(
        "aigw_credential_expiry_seconds",
        "Seconds until the credentials of a policy end, in the process where that is soonest; 0 = there are none.",
        expiry,
      ),
      merge: "min",
    },
    {
      ...family(
        "aigw_credential_keys_resting",
        "Keys of a pool that rest because the provider refused them, in the process with the most.",
        resting,
      ),
      merge: "max",
    },
    {
      ...family("aigw_credential_key_rests_total", "Keys sent to rest, by the status that did it.", rests),
      type: "counter",
    },
  ];
}

type Row = readonly [labels: string, value: number];

function family(name: string, help: string, rows: readonly Row[]): FamilySnapshot {
  const series = rows.map(([labels, value]) => ({ labels, values: [value] }));
  return { name, help, type: "gauge", merge: "sum", bounds: [], series };
}
