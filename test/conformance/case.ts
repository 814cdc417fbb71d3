/** What a conformance case is: a configuration, a request, and what caller, provider, log and metrics must see. */

/** Stands in a configuration for the port of the simulated provider. */
export const UPSTREAM_PORT = "UPSTREAM_PORT";

/** One behaviour of the gateway. */
export interface Case {
  /** A sentence. */
  readonly name: string;
  /** YAML with {@link UPSTREAM_PORT}. */
  readonly config: string;
  readonly request: CaseRequest;
  readonly want: Want;
}

/** Cases about one subject. */
export interface Group {
  readonly name: string;
  /** Cases that share a gateway run at the same time, unless their checks cannot tell them apart (metrics, requests
   * that are too broken to carry an id): then they run one by one on a gateway of their own. */
  readonly oneByOne?: true;
  readonly cases: readonly Case[];
}

/** What the caller sends: a well-formed request, or exact bytes. */
export type CaseRequest = HttpRequest | { readonly raw: string };

/** A request as an HTTP client sends it. */
export interface HttpRequest {
  /** POST unless told. */
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: string | Buffer | object;
  /** Sends the body in chunks instead of with its length. */
  readonly chunked?: true;
  /** Speaks HTTP/2 in clear text, by prior knowledge. */
  readonly http2?: true;
  /** When the caller goes away without waiting for the end. */
  readonly leaves?: "when-provider-was-asked" | "after-first-bytes" | "after-last-event";
}

/** A text that must be equal, match, or (as JSON) contain. */
export type WantText = string | RegExp | { readonly json: object };

/** Values that must be equal, match (RegExp) or contain (object); undefined = must be absent. */
export type WantFields = Readonly<Record<string, unknown>>;

/** What must be seen; what is not named is not checked, except that every request has exactly one access-log line. */
export interface Want {
  /** Undefined when the caller leaves before it sees one. */
  readonly status?: number;
  /** The answer breaks off, or is an error: it never looks whole. */
  readonly isCut?: true;
  readonly headers?: WantFields;
  readonly body?: WantText;
  /** The request the provider got; `null` = it must not be asked; a list = it is asked so often. */
  readonly upstream?: WantUpstream | null;
  readonly log?: WantFields;
  /** By how much the sum of the series grows that have this name and at least these labels: `name{label="value"}`. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** The request as the provider saw it. */
export interface WantUpstream {
  /** With query. */
  readonly path?: string;
  readonly headers?: WantFields;
  readonly body?: WantText;
  /** Whether the gateway hung up before the answer's end. */
  readonly aborted?: boolean;
}
