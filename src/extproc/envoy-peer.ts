import { ADDRESS_ATTRIBUTE } from "../exchange/envoy-names.ts";
import type { Peer } from "../exchange/exchange.ts";
import type { StructMap } from "./codec/struct.ts";
import { FILTER_ATTRIBUTES } from "./request-edits.ts";

/** The caller at the other side of Envoy, whose address Envoy tells where a limit looks at it. */
export class EnvoyPeer implements Peer {
  readonly #attributes: StructMap;

  constructor(attributes: StructMap) {
    this.#attributes = attributes;
  }

  get address(): string | undefined {
    const told = this.#attributes.at(FILTER_ATTRIBUTES, ADDRESS_ATTRIBUTE);
    return typeof told === "string" ? withoutPort(told) : undefined;
  }
}

/** `10.0.0.1:80` and `[2001:db8::1]:80` without the port; of a Unix socket nothing. */
function withoutPort(told: string): string | undefined {
  const colon = told.lastIndexOf(":");
  const address = colon < 0 ? "" : told.slice(0, colon);
  const isBracketed = address.startsWith("[") && address.endsWith("]");
  return (isBracketed ? address.slice(1, -1) : address) || undefined;
}
