/** Longest DNS name in text form (RFC 1035 section 2.3.4); nothing longer can equal a configured hostname. */
const HOST_NAME_MAX = 253;

/**
 * Takes the name out of a Host or :authority value: lower case, without port, the brackets of an IPv6 literal kept.
 * Undefined when there is none, or none that a configured hostname could equal.
 */
export function hostName(host: string | undefined): string | undefined {
  if (host === undefined || host === "") return undefined;
  const port = host.indexOf(":", host.startsWith("[") ? host.indexOf("]") : 0);
  const name = port === -1 ? host : host.slice(0, port);
  return name.length > HOST_NAME_MAX ? undefined : name.toLowerCase();
}
