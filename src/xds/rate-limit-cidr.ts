/** Address ranges the way Envoy writes them into a descriptor. */
import { isIPv4 } from "node:net";

/** A range of addresses of one family. */
export interface Network {
  readonly family: "v4" | "v6";
  readonly bits: number;
  /** `address/bits`, the address being the range's first in its canonical form. */
  readonly text: string;
}

const GROUP_BITS = { v4: 8, v6: 16 } as const;

/** The range that a valid CIDR is about: `10.1.2.3/8` is `10.0.0.0/8`, `2001:DB8:0::/32` is `2001:db8::/32`. */
export function networkOf(cidr: string): Network {
  const [address = "", length = ""] = cidr.split("/");
  const family = isIPv4(address) ? "v4" : "v6";
  const bits = Number(length);
  const groups = family === "v4" ? address.split(".").map(Number) : groupsOf(address);
  const first = groups.map((group, index) => masked(group, bits - index * GROUP_BITS[family], GROUP_BITS[family]));
  return { family, bits, text: `${family === "v4" ? first.join(".") : canonical(first)}/${bits}` };
}

/** Keeps the first so many bits of a group. */
function masked(group: number, bits: number, groupBits: number): number {
  const kept = Math.min(Math.max(bits, 0), groupBits);
  return group & ~((1 << (groupBits - kept)) - 1);
}

function groupsOf(address: string): number[] {
  const [head = "", tail] = canonicalText(address).split("::");
  const before = hexGroups(head);
  const after = hexGroups(tail ?? "");
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function hexGroups(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}

function canonical(groups: readonly number[]): string {
  return canonicalText(groups.map((group) => group.toString(16)).join(":"));
}

/** A URL's host is an IPv6 address in hexadecimal groups, shortened once (https://url.spec.whatwg.org/#concept-ipv6-serializer). */
function canonicalText(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
