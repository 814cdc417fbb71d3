import * as Type from "typebox";
import { budgetViolations, KeyBudget, untilViolations } from "./budget.ts";
import { type CrossFieldRule, defineKind } from "./kind.ts";
import type { Resource } from "./resource.ts";
import { listMap, NonEmpty, object } from "./schema.ts";

const HASH = "^[0-9a-f]{64}$";

const Spec = object({
  hashes: listMap(
    object({
      sha256: Type.String({
        pattern: HASH,
        "x-expects": "the SHA-256 of the key in 64 lower-case hexadecimal digits (aigw key hash)",
      }),
      expiresAt: Type.Optional(NonEmpty),
    }),
    ["sha256"],
    { minItems: 1, maxItems: 8 },
  ),
  owner: Type.Optional(NonEmpty),
  team: Type.Optional(NonEmpty),
  user: Type.Optional(NonEmpty),
  attributes: Type.Optional(Type.Record(Type.String(), Type.String())),
  models: Type.Optional(Type.Array(NonEmpty, { maxItems: 128 })),
  expiresAt: Type.Optional(NonEmpty),
  revoked: Type.Boolean({ default: false }),
  budgets: Type.Optional(listMap(KeyBudget, ["name"], { maxItems: 8 })),
});
type Spec = Type.Static<typeof Spec>;

/** An API key that the gateway has issued, by its hash; a kind of this gateway's own. */
export type GatewayKey = Resource<Spec>;

const budgetsAreComplete: CrossFieldRule<Spec> = ({ budgets = [] }) =>
  budgets.flatMap((budget, index) => budgetViolations(budget, ["budgets", index]));

const timesAreTimes: CrossFieldRule<Spec> = ({ expiresAt, hashes }) => [
  ...(expiresAt === undefined ? [] : untilViolations(expiresAt, ["expiresAt"])),
  ...hashes.flatMap((hash, index) =>
    hash.expiresAt === undefined ? [] : untilViolations(hash.expiresAt, ["hashes", index, "expiresAt"]),
  ),
];

/** What the gateway itself says of a caller cannot be said by a key. */
const attributesAreFree: CrossFieldRule<Spec> = ({ attributes = {} }) =>
  ["key", "owner", "team", "user"]
    .filter((name) => Object.hasOwn(attributes, name))
    .map((name) => ({
      path: ["attributes", name],
      reason: name === "key" ? "must not be given: it is the key's own name" : `belongs into the field ${name}`,
    }));

/** A `*` stands for the rest of a name. */
const modelsAreNames: CrossFieldRule<Spec> = ({ models = [] }) =>
  models.flatMap((model, index) =>
    model.slice(0, -1).includes("*")
      ? [{ path: ["models", index], reason: "may have * only at its end, for the rest of a name" }]
      : [],
  );

/** GatewayKey of aigw.dev. */
export const GATEWAY_KEY = defineKind({
  kind: "GatewayKey",
  group: "aigw.dev",
  versions: ["v1alpha1"],
  schema: Spec,
  rules: [budgetsAreComplete, timesAreTimes, attributesAreFree, modelsAreNames],
});
