/** From Envoy's resources as JSON to the snapshot that is served. Loads the code of all of Envoy's messages. */
import { createHash } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { toAny } from "./any.ts";
import type { EnvoyResources } from "./resources.ts";
import { type PackedResource, type PackedResources, type Snapshot, TYPE_URLS } from "./snapshot.ts";

/**
 * Packs resources.
 *
 * @throws Error when a resource does not fit its type, with the place.
 */
export function packSnapshot(resources: EnvoyResources): Snapshot {
  const types = new Map<string, PackedResources>();
  const whole = createHash("sha256");
  for (const [kind, typeUrl] of Object.entries(TYPE_URLS)) {
    const packed = new Map<string, PackedResource>();
    for (const [name, json] of resources[kind as keyof EnvoyResources]) {
      const resource = toAny(typeUrl.slice(typeUrl.indexOf("/") + 1), json);
      const version = digest(createHash("sha256").update(toBinary(AnySchema, resource)));
      packed.set(name, { version, resource });
      whole.update(`${typeUrl} ${name} ${version}\n`);
    }
    types.set(typeUrl, packed);
  }
  return { version: digest(whole), types };
}

function digest(hash: ReturnType<typeof createHash>): string {
  return hash.digest("base64url").slice(0, 16);
}
