import * as Type from "typebox";
import { defineKind } from "./kind.ts";
import type { Resource } from "./resource.ts";
import { object } from "./schema.ts";

const Spec = object({
  data: Type.Optional(Type.Record(Type.String(), Type.String())),
  binaryData: Type.Optional(Type.Record(Type.String(), Type.String())),
  immutable: Type.Optional(Type.Boolean()),
});

/** Texts that other objects refer to, such as certificate authorities. */
export type ConfigMap = Resource<Type.Static<typeof Spec>>;

/** ConfigMap of the core API. */
export const CONFIG_MAP = defineKind({ kind: "ConfigMap", group: "", versions: ["v1"], schema: Spec, inline: true });
