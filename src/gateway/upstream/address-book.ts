/** Addresses of one upstream host, so that a slow or failing DNS server does not take the upstream down with it. */
import { type LookupAddress, type LookupAllOptions, type LookupOptions, lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { GatewayError } from "../../errors/gateway-error.ts";
import { isMetadataAddress } from "../../resources/metadata-address.ts";

/** How long an answer is used again. The system's resolver minds the record's own time to live; this adds to it. */
const FRESH_MS = 5_000;
/** How long DNS may take before the last good answer is used instead. */
const PATIENCE_MS = 1_000;

type Asker = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

/** The part of `node:dns` that is needed. */
export type LookupAll = (host: string, options: LookupAllOptions, callback: Asker) => void;

/** A name may lead where a configuration must not: to the credentials of the gateway's own machine. */
function metadataRefused(): GatewayError {
  return new GatewayError("upstream_unavailable", "the upstream's name leads to a cloud's metadata service");
}

/** Looks one host up: once for all that ask at the same time, because look-ups take the few threads files are read with. */
export class AddressBook {
  readonly #lookupAll: LookupAll;
  readonly #nowMs: () => number;
  #askers: Asker[] = [];
  #lookingUp = false;
  #good: LookupAddress[] = [];
  #goodUntilMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: () => number, lookupAll: LookupAll = systemLookup) {
    this.#nowMs = nowMs;
    this.#lookupAll = lookupAll;
  }

  /** To be given to `net.connect`. */
  readonly lookup: LookupFunction = (host, options, callback) => {
    this.#ask(host, options, (error, addresses) => {
      const first = addresses[0];
      if (options.all === true || first === undefined) callback(error, addresses);
      else callback(error, first.address, first.family);
    });
  };

  #ask(host: string, options: LookupOptions, asker: Asker): void {
    if (this.#nowMs() < this.#goodUntilMs) {
      process.nextTick(asker, null, this.#good);
      return;
    }
    this.#askers.push(asker);
    if (this.#lookingUp) {
      if (this.#askers.length === 1) this.#losePatience();
      return;
    }
    this.#lookingUp = true;
    this.#losePatience();
    this.#lookupAll(host, { hints: options.hints ?? 0, all: true }, (error, addresses) =>
      this.#lookedUp(error, addresses),
    );
  }

  /** Starts the wait after which those who ask now get the last good answer, if there is one. */
  #losePatience(): void {
    if (this.#good.length > 0) setTimeout(() => this.#answer(null, this.#good), PATIENCE_MS).unref();
  }

  #lookedUp(error: NodeJS.ErrnoException | null, addresses: LookupAddress[]): void {
    this.#lookingUp = false;
    const allowed = addresses.filter(({ address }) => !isMetadataAddress(address));
    if (error === null && allowed.length > 0) {
      this.#good = allowed;
      this.#goodUntilMs = this.#nowMs() + FRESH_MS;
    }
    if (this.#good.length > 0) this.#answer(null, this.#good);
    else this.#answer(allowed.length < addresses.length ? metadataRefused() : error, []);
  }

  #answer(error: NodeJS.ErrnoException | null, addresses: LookupAddress[]): void {
    const askers = this.#askers;
    this.#askers = [];
    for (const asker of askers) asker(error, addresses);
  }
}
