/**
 * Content codings of answers (RFC 9110 section 8.4.1), undone as the bytes arrive: what a chunk makes decodable comes out
 * before the next one, so that a compressed event stream still streams.
 */
import { PassThrough, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import { GatewayError } from "../errors/gateway-error.ts";

/** More codings on top of each other than any server has a use for, few enough to cost nothing. */
const CODINGS_MAX = 4;

/** What a decoder tells; exactly one of `onEnd` and `onError` comes last, neither after {@link Decoder.close}. */
export interface DecoderOptions {
  /** Most decoded bytes taken, so that a small answer cannot fill the memory. */
  readonly maxBytes: number;
  readonly onData: (bytes: Uint8Array) => void;
  readonly onEnd: () => void;
  /** Always `upstream_invalid`: not the coding it says, cut off, or over `maxBytes`. */
  readonly onError: (error: GatewayError) => void;
}

/** A decoder of one answer. */
export interface Decoder {
  write(chunk: Uint8Array): void;
  end(): void;
  /** Stops: nothing is called back any more. */
  close(): void;
}

/** Whether a content-encoding header leaves the body as it is. */
export function isIdentity(encoding: string | undefined): boolean {
  return encoding === undefined || encoding === "identity" || encoding === "" || codingsOf(encoding).length === 0;
}

/** Makes the decoder for a content-encoding header; throws GatewayError `upstream_invalid` for a coding we lack. */
export function createDecoder(encoding: string, options: DecoderOptions): Decoder {
  const codings = codingsOf(encoding);
  if (codings.length > CODINGS_MAX) throw invalid(`has more than ${CODINGS_MAX} content codings`);
  // Listed in the order they were applied, so the last one comes off first.
  const stages = codings.length === 0 ? [new PassThrough()] : codings.reverse().map(createStage);
  return new ChainedDecoder(stages, options);
}

function codingsOf(encoding: string): string[] {
  const names = encoding.split(",").map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== "" && name !== "identity");
}

function createStage(coding: string): Transform {
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress();
    default:
      throw invalid(`has the content coding ${JSON.stringify(coding)}, which this gateway cannot decode`);
  }
}

function invalid(what: string, cause?: unknown): GatewayError {
  return new GatewayError("upstream_invalid", `the provider's answer ${what}`, { cause });
}

/** Stages of node:zlib in a row. */
class ChainedDecoder implements Decoder {
  readonly #stages: readonly Transform[];
  readonly #options: DecoderOptions;
  #decodedBytes = 0;
  #begun = false;
  #closed = false;

  constructor(stages: readonly Transform[], options: DecoderOptions) {
    this.#stages = stages;
    this.#options = options;
    for (const stage of stages) stage.on("error", (error) => this.#fail(invalid("could not be decoded", error)));
    const last = stages.reduce((from, to) => from.pipe(to));
    last.on("data", (bytes: Uint8Array) => this.#take(bytes));
    last.on("end", () => this.#finish());
  }

  write(chunk: Uint8Array): void {
    if (this.#closed || chunk.length === 0) return;
    this.#begun = true;
    this.#stages[0]?.write(chunk);
  }

  end(): void {
    if (this.#closed) return;
    // An answer without a body may be labelled all the same; zlib would call it cut off.
    if (this.#begun) this.#stages[0]?.end();
    else this.#finish();
  }

  close(): void {
    this.#closed = true;
    for (const stage of this.#stages) stage.destroy();
  }

  #take(bytes: Uint8Array): void {
    this.#decodedBytes += bytes.length;
    if (this.#decodedBytes > this.#options.maxBytes) {
      this.#fail(invalid(`is larger than ${this.#options.maxBytes} bytes when decoded`));
    } else this.#options.onData(bytes);
  }

  #finish(): void {
    if (this.#closed) return;
    this.close();
    this.#options.onEnd();
  }

  #fail(error: GatewayError): void {
    if (this.#closed) return;
    this.close();
    this.#options.onError(error);
  }
}
