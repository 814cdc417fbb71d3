/**
 * Words in which the kinds' schemas are written: TypeBox objects, which are JSON Schema and TypeScript types at once,
 * with a few keywords of our own. {@link validate} in validate.ts reads them.
 */
import * as Type from "typebox";
import { DURATION_PATTERN, POSITIVE_DURATION_PATTERN } from "./duration.ts";
import { QUANTITY_PATTERN } from "./quantity.ts";

/** Keywords beyond JSON Schema. */
export interface OwnKeywords {
  /** What a value must be, for people: "must be <expects>". */
  readonly "x-expects"?: string;
  /** Why a valid value is not applied by this gateway; a notice tells it. */
  readonly "x-unapplied"?: string;
  /** Whether the API may have fields that this build does not know. */
  readonly "x-open"?: boolean;
  /** Fields by which entries of a list are told apart; as in CustomResourceDefinitions. */
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
}

/** An object with these fields and no others. */
export function object<Properties extends Type.TProperties>(properties: Properties, options: Type.TObjectOptions = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/**
 * An object of an API that others own and extend: an unknown field that is no misspelling of a known one is let through
 * with a notice.
 */
export function open<Properties extends Type.TProperties>(properties: Properties, options: Type.TObjectOptions = {}) {
  return object(properties, { "x-open": true, ...options });
}

/** A list whose entries are told apart by these fields. */
export function listMap<Item extends Type.TSchema>(
  item: Item,
  keys: readonly string[],
  options: Type.TArrayOptions = {},
) {
  return Type.Array(item, { "x-kubernetes-list-map-keys": keys, ...options });
}

/** A field that is known and accepted, but that this gateway does not apply. */
export function unapplied(why = "is not applied by this gateway") {
  return Type.Optional(Type.Unknown({ "x-unapplied": why }));
}

/** {@link unapplied} for many fields. */
export function unappliedFields<Name extends string>(...names: Name[]) {
  return Object.fromEntries(names.map((name) => [name, unapplied()])) as Record<Name, ReturnType<typeof unapplied>>;
}

/** Text that is not empty. */
export const NonEmpty = Type.String({ minLength: 1 });

/** Duration of the Gateway API. */
export const Duration = Type.String({
  pattern: DURATION_PATTERN,
  "x-expects": "a duration such as 30s, 1m30s or 500ms",
});

/** Duration where none at all makes no sense, such as that between two checks. */
export const PositiveDuration = positiveDuration({});

/** {@link PositiveDuration} with a default. */
export function positiveDuration(options: { default?: string }) {
  return Type.String({
    pattern: POSITIVE_DURATION_PATTERN,
    "x-expects": "a duration longer than 0s, such as 30s, 1m30s or 500ms",
    ...options,
  });
}

/** Status of an HTTP answer. */
export const HttpStatus = Type.Integer({ minimum: 100, maximum: 599 });

/** Amount of bytes as Kubernetes writes it. */
export const Quantity = Type.Union([
  Type.String({ pattern: QUANTITY_PATTERN, "x-expects": "an amount such as 50Mi or 1048576" }),
  Type.Integer({ minimum: 0 }),
]);

/** Name of an object (RFC 1123 subdomain). */
export const ObjectName = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
  "x-expects": "lower-case letters, digits, - and . with a letter or digit at both ends",
});

/** Name of a namespace (RFC 1123 label). */
export const NamespaceName = Type.String({
  minLength: 1,
  maxLength: 63,
  pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
  "x-expects": "lower-case letters, digits and - with a letter or digit at both ends",
});

/** Hostname of the Gateway API: a DNS name, the first label may be `*`. */
export const Hostname = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: "^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
  "x-expects": "a lower-case host name without port, such as api.example.com or *.example.com",
});

/** DNS name without wildcard. */
export const PreciseHostname = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
  "x-expects": "a lower-case host name without port, such as api.example.com",
});

/** TCP port. */
export const Port = Type.Integer({ minimum: 1, maximum: 65_535 });

/** Header name (RFC 9110 token). */
export const HeaderName = Type.String({
  minLength: 1,
  maxLength: 256,
  pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
  "x-expects": "a header name: letters, digits and -",
});

/** Reference to a Secret, or to another object of its shape. */
export const SecretRef = object({
  group: Type.Optional(Type.String()),
  kind: Type.Optional(Type.String()),
  name: ObjectName,
  namespace: Type.Optional(NamespaceName),
});
export type SecretRef = Type.Static<typeof SecretRef>;

/** Target of a policy of Envoy Gateway or the Gateway API. */
export const PolicyTargetRef = object({
  group: Type.String(),
  kind: NonEmpty,
  name: ObjectName,
  namespace: Type.Optional(NamespaceName),
  sectionName: Type.Optional(Type.String()),
});
export type PolicyTargetRef = Type.Static<typeof PolicyTargetRef>;
