/** Where the configuration comes from: files, the environment, or the simulated provider. */
import { readFileSync } from "node:fs";
import { resourcesFromEnv, simulatedResources } from "../../config/from-env.ts";
import { readSources, type Source } from "../../resources/load.ts";
import type { Environment } from "../../resources/substitute.ts";
import { type Simulator, startSimulator } from "../../simulate/simulator.ts";

/** A source of configuration. */
export interface Origin {
  /** Why there is none; everything else is empty then. */
  readonly error: string | undefined;
  /** Files and folders to watch; empty when the configuration cannot change. */
  readonly paths: readonly string[];
  readonly read: () => readonly Source[];
  /** Reads the user's prices; undefined = there are none. */
  readonly readPrices: (() => Source) | undefined;
  /** Address to listen on unless told otherwise. */
  readonly address: string;
  /** What the user should know, a line each. */
  readonly notes: readonly string[];
  /** A model to try; "" = the first configured. */
  readonly exampleModel: string;
  readonly simulator: Simulator | undefined;
  /** Whether a route of which nothing says who may call it is for nobody, instead of for everybody. */
  readonly closed: boolean;
}

const NOTHING_CONFIGURED =
  "there is no configuration: name a FILE, or set OPENAI_API_KEY or ANTHROPIC_API_KEY (`aigw run --help` tells all)";

const NONE: Origin = {
  error: undefined,
  paths: [],
  read: () => [],
  readPrices: undefined,
  address: "127.0.0.1",
  notes: [],
  exampleModel: "",
  simulator: undefined,
  closed: false,
};

/** Decides where the configuration comes from; files win over the environment, which wins over the simulator. */
export async function originOf(paths: readonly string[], env: NodeJS.ProcessEnv): Promise<Origin> {
  const configured = configuredOrigin(paths, env);
  if (configured.error !== NOTHING_CONFIGURED) return configured;
  const simulator = await startSimulator({ port: 0, behaviour: { chunkDelayMs: 20 } });
  const source = simulatedResources(simulator.port);
  return {
    ...NONE,
    read: () => [source],
    notes: [
      "no configuration and no provider key found: serving a SIMULATED provider (no model is asked, nothing is charged)",
      "set OPENAI_API_KEY or ANTHROPIC_API_KEY, or give a configuration file, to serve real models",
    ],
    exampleModel: "gpt-4o-mini",
    simulator,
  };
}

/** The same with a file of prices, which is watched too. */
export function withPrices(origin: Origin, file: string | undefined): Origin {
  if (file === undefined) return origin;
  const readPrices = () => ({ name: file, text: readFileSync(file, "utf8") });
  return { ...origin, paths: [...origin.paths, file], readPrices };
}

/** The same for commands that have no use for a simulator. */
export function configuredOrigin(paths: readonly string[], env: Environment): Origin {
  if (paths.length > 0) {
    return {
      ...NONE,
      paths,
      read: () => readSources(paths),
      address: "0.0.0.0",
      notes: [`configured by ${paths.join(", ")}`],
    };
  }
  const fromEnv = resourcesFromEnv(env);
  if (fromEnv.kind === "fault") return { ...NONE, error: fromEnv.reason };
  if (fromEnv.kind === "none") return { ...NONE, error: NOTHING_CONFIGURED };
  const { source, providers, exampleModel } = fromEnv;
  return {
    ...NONE,
    read: () => [source],
    notes: [`configured by the environment: ${providers.join(", ")}`],
    exampleModel,
  };
}
