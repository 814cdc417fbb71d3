import type { Route } from "../config/runtime-config.ts";
import { hostName } from "./host.ts";
import { MODEL_HEADER } from "./route-table.ts";

/** Answers of the models endpoint, by the host that asks. */
export interface ModelLists {
  /** By hostname as configured, `*.` included; empty when no route is limited to hosts. */
  readonly byHost: ReadonlyMap<string, ModelListBodies>;
  /** For hosts that no route names. */
  readonly unscoped: ModelListBodies;
}

/** One list as JSON, ready to be sent, in both dialects. */
export interface ModelListBodies {
  /** https://platform.openai.com/docs/api-reference/models/list */
  readonly openai: Buffer;
  /** https://docs.anthropic.com/en/api/models-list */
  readonly anthropic: Buffer;
}

interface ListedModel {
  readonly id: string;
  readonly ownedBy: string;
  /** Unix seconds. */
  readonly createdAt: number;
}

/** Whether a model of a route is for whom a list is made. */
export type IsListed = (route: Route, model: string) => boolean;

/**
 * Prepares the lists. Listed is what some rule asks for by its exact name: what only a regular expression matches is
 * routed but has no name to list. A host sees the models of the routes that name it, then those of routes without
 * hostnames, never those of another host; of models with the same name the first is kept.
 */
export function buildModelLists(routes: readonly Route[], isListed: IsListed = () => true): ModelLists {
  const scoped = new Map<string, ListedModel[]>();
  const unscoped: ListedModel[] = [];
  for (const route of routes) {
    const models = exactModels(route).filter(({ id }) => isListed(route, id));
    if (route.hostnames.length === 0) unscoped.push(...models);
    for (const name of route.hostnames) {
      const ofHost = scoped.get(name);
      if (ofHost === undefined) scoped.set(name, [...models]);
      else ofHost.push(...models);
    }
  }
  const byHost = new Map<string, ModelListBodies>();
  for (const [name, models] of scoped) byHost.set(name, render([...models, ...unscoped]));
  return { byHost, unscoped: render(unscoped) };
}

/**
 * Finds the list for a host: that of its own name, else of the wildcard one label up, else of the routes without
 * hostnames.
 *
 * @param host Host or :authority as the client sent it.
 */
export function modelListFor(lists: ModelLists, host: string | undefined): ModelListBodies {
  const name = lists.byHost.size === 0 ? undefined : hostName(host);
  if (name === undefined) return lists.unscoped;
  const dot = name.indexOf(".", 1);
  const wildcard = dot === -1 ? undefined : lists.byHost.get(`*${name.slice(dot)}`);
  return lists.byHost.get(name) ?? wildcard ?? lists.unscoped;
}

function exactModels(route: Route): ListedModel[] {
  return route.rules.flatMap((rule) =>
    rule.matches
      .flat()
      .filter((match) => match.name === MODEL_HEADER && match.type === "Exact")
      .map((match) => ({ id: match.value, ownedBy: rule.modelsOwnedBy, createdAt: rule.modelsCreatedAt })),
  );
}

function render(models: readonly ListedModel[]): ModelListBodies {
  const byId = new Map<string, ListedModel>();
  for (const model of models) if (!byId.has(model.id)) byId.set(model.id, model);
  const unique = [...byId.values()];
  return { openai: toBody(openaiList(unique)), anthropic: toBody(anthropicList(unique)) };
}

function toBody(document: object): Buffer {
  return Buffer.from(JSON.stringify(document));
}

function openaiList(models: readonly ListedModel[]): object {
  const data = models.map(({ id, createdAt, ownedBy }) => ({
    id,
    created: createdAt,
    object: "model",
    owned_by: ownedBy,
  }));
  return { data, object: "list" };
}

/** `first_id` and `last_id` are absent from an empty list: JSON.stringify drops what is undefined. */
function anthropicList(models: readonly ListedModel[]): object {
  const data = models.map(({ id, createdAt }) => ({
    id,
    type: "model",
    display_name: id,
    created_at: rfc3339(createdAt),
  }));
  return { data, first_id: models[0]?.id, has_more: false, last_id: models.at(-1)?.id };
}

/** Whole seconds in UTC, without the fraction that toISOString writes. */
function rfc3339(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().replace(".000Z", "Z");
}
