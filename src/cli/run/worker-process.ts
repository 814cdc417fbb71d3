/** A worker of the fleet: does what the supervisor asks, and ends with it. */
import { formatFault } from "../../errors/config-error.ts";
import type { Plan } from "../../exchange/plan.ts";
import { IpcStore } from "../../ratelimit/ipc-store.ts";
import { type Configuration, load } from "../load.ts";
import type { CountersAnswer, CountersCall, FromWorker, ToWorker } from "./messages.ts";
import { openServing, type ServingProcess } from "./serving-process.ts";

/** Listens to the supervisor for as long as it lives. */
export function serveAsWorker(): void {
  let serving: ServingProcess | undefined;
  const counters = new IpcStore((call) => process.send?.({ call } satisfies CountersCall));
  process.on("message", (message: ToWorker | CountersAnswer) => {
    if (message.do === "answer") {
      counters.answer(message.answer);
      return;
    }
    carryOut(message).then(
      (answer) => process.send?.({ id: message.id, ...answer }),
      (error: Error) => process.send?.({ id: message.id, error: error.message }),
    );
  });
  // A signal to the whole group reaches workers too: the supervisor decides when they stop.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => undefined);
  process.on("disconnect", () => process.exit(1));

  async function carryOut(message: ToWorker): Promise<Omit<FromWorker, "id">> {
    switch (message.do) {
      case "start":
        serving = await openServing(message.options, counters);
        return { ports: await serving.start(await planOf(message.configuration)) };
      case "reload":
        serving?.reload(await planOf(message.configuration));
        return {};
      case "snapshot":
        return serving === undefined ? {} : { snapshot: serving.snapshot() };
      case "limits":
        return serving === undefined ? {} : { limits: await serving.limits(message.demands) };
      case "stop":
        await serving?.stop(message.drainMs);
        setImmediate(() => process.exit(0));
        return {};
    }
  }
}

async function planOf(configuration: Configuration): Promise<Plan> {
  const { plan, faults } = await load(configuration, process.env);
  if (plan === undefined) throw new Error(faults.map(formatFault).join("\n"));
  return plan;
}
