/** Header and body mutations as AIServiceBackend and AIGatewayRoute write them. */
import * as Type from "typebox";
import { HeaderName, listMap, NonEmpty, object } from "./schema.ts";

/** What may stand in a header (RFC 9110 section 5.5): nothing that ends it, nothing that does not fit a byte. */
const HeaderValue = Type.String({
  minLength: 1,
  maxLength: 4096,
  pattern: "^[\\t\\x20-\\x7e\\x80-\\xff]*$",
  "x-expects": "a header value: no line breaks or other control characters, nothing beyond Latin-1",
});

/** `headerMutation`. */
export const HTTPHeaderMutation = object({
  set: Type.Optional(
    listMap(object({ name: HeaderName, value: HeaderValue }), ["name"], {
      maxItems: 16,
    }),
  ),
  remove: Type.Optional(Type.Array(Type.String(), { maxItems: 16, uniqueItems: true })),
});
export type HTTPHeaderMutation = Type.Static<typeof HTTPHeaderMutation>;

/** `bodyMutation`; a value is text that holds JSON. */
export const HTTPBodyMutation = object({
  set: Type.Optional(listMap(object({ path: NonEmpty, value: Type.String() }), ["path"], { maxItems: 16 })),
  remove: Type.Optional(Type.Array(Type.String(), { maxItems: 16, uniqueItems: true })),
});
export type HTTPBodyMutation = Type.Static<typeof HTTPBodyMutation>;
