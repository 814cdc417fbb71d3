/** Header and body mutations as AIServiceBackend and AIGatewayRoute write them. */
import * as Type from "typebox";
import { HeaderName, listMap, NonEmpty, object } from "./schema.ts";

/** `headerMutation`. */
export const HTTPHeaderMutation = object({
  set: Type.Optional(
    listMap(object({ name: HeaderName, value: Type.String({ minLength: 1, maxLength: 4096 }) }), ["name"], {
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
