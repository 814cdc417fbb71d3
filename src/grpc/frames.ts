/** Frames of HTTP/2: their types, flags and codes (RFC 9113 sections 6, 7 and 6.5.2), and what ends a connection. */

/** Length of a frame's head. */
export const FRAME_HEAD_BYTES = 9;

/** The largest frame taken, told to the peer as SETTINGS_MAX_FRAME_SIZE: few heads for a big body. */
export const FRAME_BYTES_MAX = 1024 * 1024;

/** Frame types. */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Frame flags; `ack` and `endStream` share a bit and belong to different types. */
export const FLAG = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** Error codes of RST_STREAM and GOAWAY. */
export const HTTP2_ERROR = {
  none: 0,
  protocol: 1,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

/** Parameters of SETTINGS. */
export const SETTING = {
  headerTableSize: 1,
  streamsMax: 3,
  initialWindow: 4,
  frameBytesMax: 5,
  headerListBytesMax: 6,
} as const;

/** The largest a flow-control window may be (RFC 9113 section 6.9.1). */
export const WINDOW_MAX = 0x7fffffff;

/** The peer broke a rule that ends its connection; carries the code that GOAWAY tells it. */
export class ConnectionFault extends Error {
  readonly code: number;

  constructor(code: number, reason: string) {
    super(reason);
    this.code = code;
  }
}
