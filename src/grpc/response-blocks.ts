/** Header blocks of gRPC answers, ready to be written (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Responses"). */
import { GRPC_STATUS } from "./grpc.ts";
import { encodeField, STATUS_200 } from "./hpack.ts";

/** Keeps the block below the smallest frame size a peer may have, whatever is escaped. */
const MESSAGE_CHARS_MAX = 1000;

/** Headers before the first message. */
export const RESPONSE_HEADERS = Buffer.concat([STATUS_200, encodeField("content-type", "application/grpc")]);

const TRAILERS_OK = encodeField("grpc-status", String(GRPC_STATUS.ok));

/** The answer to a request that is not gRPC. */
export const UNSUPPORTED_MEDIA_TYPE = encodeField(":status", "415");

/** What ends a call: after its headers trailers alone, otherwise both in one block ("Trailers-Only"). */
export function endBlock(headersSent: boolean, status: number, message: string | undefined): Buffer {
  const trailers = message === undefined && status === GRPC_STATUS.ok ? TRAILERS_OK : trailersOf(status, message);
  return headersSent ? trailers : Buffer.concat([RESPONSE_HEADERS, trailers]);
}

function trailersOf(status: number, message: string | undefined): Buffer {
  const code = encodeField("grpc-status", String(status));
  return message === undefined ? code : Buffer.concat([code, encodeField("grpc-message", percentEncode(message))]);
}

/** "Percent-Encoded": everything but printable ASCII other than `%`. */
function percentEncode(message: string): string {
  const text = message.slice(0, MESSAGE_CHARS_MAX).toWellFormed();
  return text.replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);
}
