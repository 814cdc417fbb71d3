/** Decides by a request's headers what becomes of a call; remembers the decision, for most requests have the same headers. */
import type { Frame } from "./frame-reader.ts";
import { GRPC_STATUS, type GrpcHandler, type GrpcMethods, type GrpcStream } from "./grpc.ts";
import type { HpackDecoder } from "./hpack.ts";
import { endBlock, UNSUPPORTED_MEDIA_TYPE } from "./response-blocks.ts";

/** How many header blocks are remembered, and up to which length. */
const BLOCKS_MAX = 256;
const BLOCK_BYTES_MAX = 1024;

/** What becomes of a call. */
export type Admission =
  | { readonly kind: "call"; readonly headers: ReadonlyMap<string, string>; readonly method: Method }
  /** Answered with these headers and nothing else. */
  | { readonly kind: "answer"; readonly block: Buffer }
  /** Not a request (RFC 9113 section 8.3.1). */
  | { readonly kind: "malformed" };

type Method = (stream: GrpcStream) => GrpcHandler;

/** The decisions of one server. */
export class Admissions {
  readonly #methods: GrpcMethods;
  /** By header block as latin1 text: one hash of a short string instead of decoding. */
  readonly #known = new Map<string, Admission>();

  constructor(methods: GrpcMethods) {
    this.#methods = methods;
  }

  /** Decides by the header block in a frame; throws `ConnectionFault` when it is none. */
  of({ bytes, start, end }: Frame, decoder: HpackDecoder): Admission {
    // A block means the same on every connection whose peer has no dynamic table.
    if (!decoder.stateless || end - start > BLOCK_BYTES_MAX) {
      return this.#decide(decoder.decode(bytes.subarray(start, end)));
    }
    const key = bytes.toString("latin1", start, end);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const admission = this.#decide(decoder.decode(bytes.subarray(start, end)));
    if (this.#known.size >= BLOCKS_MAX) this.#known.clear();
    this.#known.set(key, admission);
    return admission;
  }

  #decide(headers: ReadonlyMap<string, string>): Admission {
    const path = headers.get(":path");
    if (path === undefined || !headers.has(":method") || !headers.has(":scheme")) return { kind: "malformed" };
    if (headers.get("content-type")?.startsWith("application/grpc") !== true) {
      return { kind: "answer", block: UNSUPPORTED_MEDIA_TYPE };
    }
    const method = headers.get(":method") === "POST" ? this.#methods.get(path) : undefined;
    if (method === undefined) return refuse(`no method ${path}`);
    const encoding = headers.get("grpc-encoding");
    if (encoding !== undefined && encoding !== "identity") return refuse(`no message encoding ${encoding}`);
    return { kind: "call", headers, method };
  }
}

function refuse(reason: string): Admission {
  return { kind: "answer", block: endBlock(false, GRPC_STATUS.unimplemented, reason) };
}
