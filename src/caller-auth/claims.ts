/** What a verified token says, as attributes of a caller and as headers. */
import type { TokenAuth } from "../config/callers.ts";

/** The claims of a token. */
export type Claims = Readonly<Record<string, unknown>>;

/** Bounds of what is taken from a token, which its issuer may fill with anything. */
const ATTRIBUTES_MAX = 100;
const VALUE_CHARS_MAX = 4096;
const DEPTH_MAX = 4;

/** `user` is the subject; every other claim is `claim.<name>`, those inside of objects with dots between the names. */
export function attributesOf(claims: Claims): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  const subject = textOf(claims["sub"]);
  if (subject !== undefined && subject !== "") attributes.set("user", subject);
  addClaims(attributes, "claim.", claims, DEPTH_MAX);
  return attributes;
}

function addClaims(attributes: Map<string, string>, prefix: string, claims: object, depth: number): void {
  for (const [name, value] of Object.entries(claims)) {
    if (attributes.size >= ATTRIBUTES_MAX) return;
    const text = textOf(value);
    if (text !== undefined) attributes.set(prefix + name, text);
    else if (isObject(value) && depth > 1) addClaims(attributes, `${prefix}${name}.`, value, depth - 1);
  }
}

/** Headers that a token sets; what it does not say has none. */
export function claimHeaders({ claimHeaders: wanted }: TokenAuth, claims: Claims): { name: string; value: string }[] {
  return wanted.flatMap(({ header, claim }) => {
    const text = textOf(claimAt(claims, claim));
    return text === undefined ? [] : [{ name: header, value: headerText(text) }];
  });
}

/** A claim by its name, which may have dots in it, else by the names on the way to it. */
function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const step of name.split(".")) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Texts, numbers, truth values, and lists of them; undefined for what is none, or too long to be told in full. */
function textOf(value: unknown): string | undefined {
  if (!Array.isArray(value)) return scalarText(value);
  const texts = value.map(scalarText);
  const text = texts.join(",");
  return texts.includes(undefined) || text.length > VALUE_CHARS_MAX ? undefined : text;
}

function scalarText(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value.length <= VALUE_CHARS_MAX ? value : undefined;
}

const VISIBLE = /^[\x20-\x7e]*$/;

/** Percent-encoded where it is not what a header can hold. */
function headerText(text: string): string {
  return VISIBLE.test(text) ? text : encodeURIComponent(text.toWellFormed());
}
