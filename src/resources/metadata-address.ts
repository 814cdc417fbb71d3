/**
 * Addresses at which clouds hand their machines credentials (instance metadata). A backend there would let whoever writes a
 * configuration, or a name server, read the gateway's own identity, so it is refused at load and again when it is dialled.
 */
import { BlockList, isIP } from "node:net";

/** Name of `node:net` for the family of an address. */
type Family = "ipv4" | "ipv6";

const SUBNETS: readonly (readonly [address: string, prefix: number, family: Family])[] = [
  // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html; Google, Azure, Oracle and others have
  // the same address. It is not all of link-local: servers and node-local agents may be there.
  ["169.254.169.0", 24, "ipv4"],
  // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html, and EKS Pod Identity at .23
  ["169.254.170.0", 24, "ipv4"],
  ["fd00:ec2::", 32, "ipv6"],
  // https://cloud.google.com/compute/docs/metadata/querying-metadata
  ["fd20:ce::254", 128, "ipv6"],
  // https://learn.microsoft.com/en-us/azure/virtual-network/what-is-ip-address-168-63-129-16
  ["168.63.129.16", 32, "ipv4"],
  // https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
  ["100.100.100.200", 32, "ipv4"],
];

/** Bytes in front of an IPv4 address that make it an IPv6 address: translated (RFC 6052 section 2.1), and compatible (RFC 4291
 * section 2.5.5.1). Mapped ones are seen through by BlockList itself. */
const EMBEDDINGS: readonly string[] = ["64:ff9b::", "::"];
const IPV4_BITS_AT = 96;

const NAMES: ReadonlySet<string> = new Set([
  "metadata",
  "metadata.goog",
  "metadata.google.internal",
  "instance-data",
  "instance-data.ec2.internal",
]);

const BLOCKED = new BlockList();
for (const [address, prefix, family] of SUBNETS) {
  BLOCKED.addSubnet(address, prefix, family);
  if (family === "ipv6") continue;
  for (const embedding of EMBEDDINGS) BLOCKED.addSubnet(embedding + address, IPV4_BITS_AT + prefix, "ipv6");
}

/** Whether an IP address is one of a cloud's metadata service. */
export function isMetadataAddress(address: string): boolean {
  const zone = address.indexOf("%");
  const bare = zone < 0 ? address : address.slice(0, zone);
  const version = isIP(bare);
  return version !== 0 && BLOCKED.check(bare, version === 6 ? "ipv6" : "ipv4");
}

/** Whether a host name or address is a cloud's metadata service, in whatever spelling resolvers understand. */
export function isMetadataHost(host: string): boolean {
  const name = host.toLowerCase().replace(/\.+$/, "");
  if (NAMES.has(name) || isMetadataAddress(name)) return true;
  // Numbers in decimal, octal and hexadecimal, of one to four parts, are IPv4 addresses to resolvers as they are to URLs
  // (https://url.spec.whatwg.org/#concept-ipv4-parser).
  const url = URL.parse(`http://${name}/`);
  return url !== null && isMetadataAddress(url.hostname);
}
