import type { Fault } from "../errors/config-error.ts";
import { faultAt, formatPath, idOf } from "../resources/field-path.ts";
import type { FieldPath, Notice, Resource } from "../resources/resource.ts";
import type { KindName, ResourceSet } from "../resources/resource-set.ts";
import type { ResourceStatus } from "./runtime-config.ts";

/** Kinds whose objects have a status, with their names in its messages. */
const LABELS: Partial<Record<KindName, string>> = {
  AIGatewayRoute: "AI Gateway Route",
  AIServiceBackend: "AIServiceBackend",
  BackendSecurityPolicy: "BackendSecurityPolicy",
  GatewayConfig: "GatewayConfig",
  QuotaPolicy: "QuotaPolicy",
  BudgetPolicy: "BudgetPolicy",
  GatewayKey: "GatewayKey",
  Gateway: "Gateway",
};

/** What one run of the compiler gathers besides the configuration. */
export class Compilation {
  readonly set: ResourceSet;
  /** When the resources were read, in Unix seconds. */
  readonly loadedAt: number;
  readonly faults: Fault[] = [];
  readonly notices: Notice[] = [];
  readonly #refusals = new Map<Resource<unknown>, string[]>();

  constructor(set: ResourceSet, loadedAt: number) {
    this.set = set;
    this.loadedAt = loadedAt;
  }

  /** Something that is wrong at a field of an object, which is not in force then. */
  fault(resource: Resource<unknown>, path: FieldPath, reason: string): void {
    this.faults.push(faultAt(resource, path, reason));
    this.refuse(resource, `${formatPath(path)}: ${reason}`);
  }

  /** Something to know about a field of an object. */
  notice(resource: Resource<unknown>, path: FieldPath, reason: string): void {
    this.notices.push(faultAt(resource, path, reason));
  }

  /** Something valid about an object that this build cannot do, so that it is not in force as written. */
  refuse(resource: Resource<unknown>, message: string): void {
    const messages = this.#refusals.get(resource) ?? [];
    this.#refusals.set(resource, messages.includes(message) ? messages : [...messages, message]);
  }

  /** The status of every object that has one, in the order of the sources. */
  statuses(): ResourceStatus[] {
    return this.set.all.flatMap((resource) => {
      const label = LABELS[resource.kind as KindName];
      if (label === undefined) return [];
      const refusals = this.#refusals.get(resource);
      const condition =
        refusals === undefined
          ? ({
              type: "Accepted",
              status: "True",
              reason: "ReconciliationSucceeded",
              message: `${label} reconciled successfully`,
            } as const)
          : ({
              type: "NotAccepted",
              status: "False",
              reason: "ReconciliationFailed",
              message: refusals.join("; "),
            } as const);
      return [{ kind: resource.kind, id: idOf(resource), conditions: [condition] }];
    });
  }
}
