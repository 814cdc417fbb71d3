/** Where Redis is, as a URL says it. */

/** A server, the master of a Sentinel group, or a Cluster. */
export interface RedisAddress {
  readonly kind: "server" | "sentinel" | "cluster";
  /** One for a server; Sentinels; some nodes of a Cluster. */
  readonly nodes: readonly RedisNode[];
  /** Name of the group, for Sentinel. */
  readonly master: string;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly isTls: boolean;
}

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

const URL_FORM = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^:@/]*):([^@/]*)@)?([^@/?#]+)((?:\/[^/?#]+){0,2})\/?$/;
const NODE = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/;
const DEFAULT_PORTS = { server: 6379, sentinel: 26379, cluster: 6379 };
const FORMS = [
  "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]",
  "redis+sentinel://[USER:PASSWORD@]HOST[:PORT],…/MASTER[/DATABASE]",
  "redis+cluster://[USER:PASSWORD@]HOST[:PORT],…",
].join(", ");

/** Reads a URL; `rediss` instead of `redis` is with TLS. Throws a message that does not repeat the URL, which may hold a password. */
export function parseRedisUrl(url: string): RedisAddress {
  const [whole, scheme, form = "server", user, pass, hosts = "", path = ""] = URL_FORM.exec(url) ?? [];
  const kind = form === "sentinel" || form === "cluster" ? form : "server";
  const nodes = hosts.split(",").map((host) => readNode(host, DEFAULT_PORTS[kind]));
  const names = path.split("/").filter((name) => name !== "");
  const master = kind === "sentinel" ? names.shift() : "";
  const database = Number(names.shift() ?? 0);
  const isOdd = names.length > 0 || (kind === "server" && nodes.length > 1) || (kind === "cluster" && database !== 0);
  if (
    whole === undefined ||
    master === undefined ||
    isOdd ||
    !Number.isInteger(database) ||
    nodes.includes(undefined)
  ) {
    throw new Error(`one of ${FORMS} is wanted, rediss instead of redis for TLS`);
  }
  return {
    kind,
    nodes: nodes.filter((node) => node !== undefined),
    master,
    database,
    username: decoded(user),
    password: decoded(pass),
    isTls: scheme === "rediss",
  };
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error("the user or the password is not percent-encoded as URLs ask for");
  }
}

function readNode(text: string, defaultPort: number): RedisNode | undefined {
  const [, address, name, digits] = NODE.exec(text) ?? [];
  const host = address ?? name;
  const port = digits === undefined ? defaultPort : Number(digits);
  return host === undefined || port === 0 || port > 65_535 ? undefined : { host, port };
}
