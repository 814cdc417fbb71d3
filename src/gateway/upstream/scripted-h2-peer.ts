/** For tests: an HTTP/2 peer that sends exactly the frames it is told to (RFC 9113 section 4). */
import { createServer, type Socket } from "node:net";
import { ScriptedPeer } from "./scripted-peer.ts";

const PREFACE_BYTES = 24;
const FRAME_HEAD_BYTES = 9;
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, goaway: 7 } as const;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const ACK = 0x1;

/** A connection as the peer sees it. */
export class H2Connection {
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** `:status: 200`, which is entry 8 of HPACK's static table (RFC 7541 appendix A), and fields written out. */
  head(stream: number, fields: Record<string, string> = {}): void {
    const literals = Object.entries(fields).flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]);
    this.#frame(TYPE.headers, END_HEADERS, stream, Buffer.concat([Buffer.of(0x88), ...literals]));
  }

  data(stream: number, payload: string, end = false): void {
    this.#frame(TYPE.data, end ? END_STREAM : 0, stream, Buffer.from(payload));
  }

  answer(stream: number, payload = "ok"): void {
    this.head(stream);
    this.data(stream, payload, true);
  }

  reset(stream: number, code: number): void {
    this.#frame(TYPE.reset, 0, stream, uint32(code));
  }

  goaway(lastStream: number, code = 0): void {
    this.#frame(TYPE.goaway, 0, 0, Buffer.concat([uint32(lastStream), uint32(code)]));
  }

  /** @param streamsMax SETTINGS_MAX_CONCURRENT_STREAMS. */
  settings(streamsMax: number): void {
    this.#frame(TYPE.settings, 0, 0, Buffer.concat([Buffer.of(0, 3), uint32(streamsMax)]));
  }

  acknowledge(): void {
    this.#frame(TYPE.settings, ACK, 0, Buffer.alloc(0));
  }

  #frame(type: number, flags: number, stream: number, payload: Buffer): void {
    const head = Buffer.alloc(FRAME_HEAD_BYTES);
    head.writeUIntBE(payload.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    this.socket.write(Buffer.concat([head, payload]));
  }
}

/** What the peer does with a stream whose head came; `count` is the stream's number over all connections, from 1 on. */
export type H2Script = (connection: H2Connection, stream: number, count: number) => void;

/** A listening peer; its `requests` hold a line for each reset it received. */
export async function listenH2(script: H2Script, streamsMax = 100): Promise<ScriptedPeer> {
  let count = 0;
  const server = createServer({ noDelay: true });
  const peer = new ScriptedPeer(() => undefined, server);
  server.on("connection", (socket) => {
    socket.removeAllListeners("data");
    const connection = new H2Connection(socket);
    connection.settings(streamsMax);
    let pending = Buffer.alloc(0);
    let prefaceRead = false;
    socket.on("data", (bytes) => {
      pending = Buffer.concat([pending, bytes]);
      if (!prefaceRead) {
        if (pending.length < PREFACE_BYTES) return;
        prefaceRead = true;
        pending = pending.subarray(PREFACE_BYTES);
      }
      for (;;) {
        if (pending.length < FRAME_HEAD_BYTES) return;
        const end = FRAME_HEAD_BYTES + pending.readUIntBE(0, 3);
        if (pending.length < end) return;
        const [type, flags, stream] = [pending.readUInt8(3), pending.readUInt8(4), pending.readUInt32BE(5)];
        if (type === TYPE.settings && flags !== ACK) connection.acknowledge();
        if (type === TYPE.reset) peer.requests.push(`reset ${stream} ${pending.readUInt32BE(FRAME_HEAD_BYTES)}`);
        pending = pending.subarray(end);
        if (type === TYPE.headers) script(connection, stream, ++count);
      }
    });
  });
  await peer.start();
  return peer;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A string literal of HPACK, not Huffman coded, shorter than 127 bytes. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.of(value.length), Buffer.from(value, "latin1")]);
}
