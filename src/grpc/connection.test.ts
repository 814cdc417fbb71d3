import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { FLAG, FRAME, HTTP2_ERROR, SETTING, WINDOW_MAX } from "./frames.ts";
import { GRPC_STATUS, type GrpcStream } from "./grpc.ts";
import {
  call,
  data,
  frame,
  PREFACE,
  prefixed,
  RecordingHandler,
  requestBlock,
  ScriptedClient,
  settings,
  uint32,
  withoutTable,
} from "./scripted-client.ts";

const HEADERS = "headers :status=200 content-type=application/grpc";

/** Sends every message back. */
class Echo extends RecordingHandler {
  override onMessage(message: Uint8Array): void {
    super.onMessage(message);
    this.stream.send(message);
  }

  override onEnd(): void {
    super.onEnd();
    this.stream.end(GRPC_STATUS.ok);
  }
}

function greeted(make?: (stream: GrpcStream) => RecordingHandler): ScriptedClient {
  const client = new ScriptedClient(make);
  client.greet();
  return client;
}

/** Until what was sent outside a read has been written. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function reset(stream: number, code = 8): Buffer {
  return frame(FRAME.reset, 0, stream, uint32(code));
}

function windowUpdate(stream: number, bytes: number): Buffer {
  return frame(FRAME.windowUpdate, 0, stream, uint32(bytes));
}

describe("a connection", () => {
  it("says its settings first, opens its window, and acknowledges those of the peer", () => {
    const client = new ScriptedClient();
    const [first, second] = client.take();
    const said = Array.from({ length: (first?.payload.length ?? 0) / 6 }, (_, index) => [
      first?.payload.readUInt16BE(index * 6),
      first?.payload.readUInt32BE(index * 6 + 2),
    ]);
    assert.deepEqual(said, [
      [SETTING.headerTableSize, 0],
      [SETTING.streamsMax, 100_000],
      [SETTING.initialWindow, 16 << 20],
      [SETTING.frameBytesMax, 1 << 20],
      [SETTING.headerListBytesMax, 64 << 10],
    ]);
    assert.deepEqual([second?.type, second?.payload], [FRAME.windowUpdate, uint32((64 << 20) - 65_535)]);
    client.send(PREFACE, settings());
    assert.deepEqual(client.takeText(), ["0 settings end"]);
  });

  it("answers PING with the same content, and not its answer", () => {
    const client = greeted();
    client.send(
      frame(FRAME.ping, 0, 0, Buffer.from("12345678")),
      frame(FRAME.ping, FLAG.ack, 0, Buffer.from("12345678")),
    );
    const [answer, ...more] = client.take();
    assert.deepEqual([answer?.flags, answer?.payload.toString(), more], [FLAG.ack, "12345678", []]);
  });

  it("carries calls, several at a time, and answers one read in one write", () => {
    const client = greeted((stream) => new Echo(stream));
    client.send(call(1), data(1, prefixed("a")), call(3), data(3, Buffer.concat([prefixed("b"), prefixed("cc")])));
    client.send(data(1, Buffer.alloc(0), FLAG.endStream));
    assert.equal(client.socket.written.length, 2);
    assert.deepEqual(client.takeText(), [
      `1 ${HEADERS}`,
      "1 data 6",
      `3 ${HEADERS}`,
      "3 data 6",
      "3 data 7",
      "1 headers grpc-status=0 end",
    ]);
    assert.deepEqual(client.handlers[0]?.told, ["message a", "end", "close"]);
    assert.deepEqual(
      [client.handlers[0]?.stream.headers.get(":path"), client.connection.streams],
      ["/test.Test/Call", 1],
    );
  });

  it("gives the same answers however the bytes are cut", () => {
    const bytes = Buffer.concat([
      PREFACE,
      settings(),
      frame(FRAME.settings, FLAG.ack, 0),
      call(1),
      data(1, prefixed("hello")),
      call(3, FLAG.endHeaders | FLAG.endStream),
      frame(FRAME.headers, 0, 5, requestBlock("/test.Test/Call").subarray(0, 9)),
      frame(FRAME.continuation, FLAG.endHeaders, 5, requestBlock("/test.Test/Call").subarray(9)),
      data(5, prefixed("a").subarray(0, 2)),
      data(1, prefixed("world"), FLAG.endStream),
      data(5, prefixed("a").subarray(2)),
      reset(5),
    ]);
    const outcome = (cuts: readonly number[]) => {
      const client = new ScriptedClient((stream) => new Echo(stream));
      const ends = [...cuts, bytes.length];
      for (const [index, end] of ends.entries()) client.send(Buffer.from(bytes.subarray(ends[index - 1] ?? 0, end)));
      return { answers: client.takeText(), told: client.handlers.map(({ told }) => told) };
    };
    const want = outcome([]);
    assert.deepEqual(want.told, [
      ["message hello", "message world", "end", "close"],
      ["end", "close"],
      ["message a", "close"],
    ]);
    assert.equal(want.answers.length, 10);
    const cuts = fc.array(fc.nat(bytes.length), { maxLength: 10 }).map((list) => list.sort((a, b) => a - b));
    fc.assert(fc.property(cuts, (list) => assert.deepEqual(outcome(list), want)));
    assert.deepEqual(outcome(Array.from(bytes, (_, index) => index)), want);
  });

  it("writes together what is sent between two reads", async () => {
    const client = greeted();
    client.send(call(1), call(3));
    client.handlers[0]?.stream.send(Buffer.from("a"));
    client.handlers[1]?.stream.end(GRPC_STATUS.ok);
    assert.equal(client.socket.written.length, 0);
    await nextTurn();
    assert.equal(client.socket.written.length, 1);
    assert.deepEqual(client.takeText(), [`1 ${HEADERS}`, "1 data 6", `3 ${HEADERS} grpc-status=0 end`]);
  });

  it("takes header blocks that use a dynamic table until our settings are known", () => {
    const client = new ScriptedClient();
    const path = Buffer.concat([Buffer.from([0x44, 15]), Buffer.from("/test.Test/Call")]);
    const type = Buffer.concat([Buffer.from([0x5f, 16]), Buffer.from("application/grpc")]);
    client.send(
      PREFACE,
      settings(),
      frame(FRAME.headers, 4, 1, Buffer.concat([Buffer.from("8386", "hex"), path, type])),
    );
    client.send(frame(FRAME.headers, 4, 3, Buffer.from("8386bfbe", "hex")), frame(FRAME.settings, FLAG.ack, 0));
    client.send(frame(FRAME.headers, 4, 5, withoutTable(requestBlock("/test.Test/Call"))));
    assert.equal(client.handlers.length, 3);
    client.send(frame(FRAME.headers, 4, 7, Buffer.from("8386bfbe", "hex")));
    assert.ok(client.takeText().includes(`0 goaway 7 ${HTTP2_ERROR.compression}`));
  });
});

describe("a call", () => {
  const REFUSED = [
    {
      name: "an unknown method",
      in: requestBlock("/test.Test/Other"),
      want: `${HEADERS} grpc-status=12 grpc-message=no method /test.Test/Other end`,
    },
    {
      name: "another HTTP method",
      in: requestBlock("/test.Test/Call", { ":method": "GET" }),
      want: `${HEADERS} grpc-status=12 grpc-message=no method /test.Test/Call end`,
    },
    {
      name: "compressed messages",
      in: requestBlock("/test.Test/Call", { "grpc-encoding": "gzip" }),
      want: `${HEADERS} grpc-status=12 grpc-message=no message encoding gzip end`,
    },
    {
      name: "what is not gRPC",
      in: requestBlock("/test.Test/Call", { "content-type": "text/html" }),
      want: "headers :status=415 end",
    },
    { name: "a block without a path", in: Buffer.from("8386", "hex"), want: "reset 1" },
  ];
  for (const { name, in: block, want } of REFUSED) {
    it(`is refused: ${name}`, () => {
      const client = greeted();
      client.send(frame(FRAME.headers, FLAG.endHeaders, 1, block), data(1, prefixed("a")), call(3));
      assert.deepEqual(client.takeText(), [`1 ${want}`]);
      assert.equal(client.handlers.length, 1);
    });
  }

  it("may name the identity encoding", () => {
    const client = greeted();
    client.send(frame(FRAME.headers, 4, 1, requestBlock("/test.Test/Call", { "grpc-encoding": "identity" })));
    assert.equal(client.handlers.length, 1);
  });

  it("is ended once, and nothing is sent or told after that", () => {
    const client = greeted();
    client.send(call(1));
    const [handler] = client.handlers;
    handler?.stream.end(GRPC_STATUS.unavailable, "50 % gone: é\n");
    handler?.stream.end(GRPC_STATUS.ok);
    handler?.stream.send(Buffer.from("late"));
    client.send(data(1, prefixed("late"), FLAG.endStream), reset(1), windowUpdate(1, 5));
    assert.deepEqual(client.takeText(), [`1 ${HEADERS} grpc-status=14 grpc-message=50 %25 gone: %C3%A9%0A end`]);
    assert.deepEqual(handler?.told, ["close"]);
    assert.equal(client.connection.streams, 0);
  });

  it("may be ended while its handler is being made", () => {
    const client = greeted((stream) => {
      stream.end(GRPC_STATUS.unavailable);
      return new RecordingHandler(stream);
    });
    client.send(call(1, FLAG.endHeaders | FLAG.endStream));
    assert.deepEqual(client.takeText(), [`1 ${HEADERS} grpc-status=14 end`]);
    assert.deepEqual(client.handlers[0]?.told, ["close"]);
  });

  it("that the peer cancels is closed once", () => {
    const client = greeted();
    client.send(call(1), data(1, prefixed("a")), reset(1), reset(1));
    assert.deepEqual([client.takeText(), client.handlers[0]?.told], [[], ["message a", "close"]]);
  });

  it("ends with trailers of the peer", () => {
    const client = greeted((stream) => new Echo(stream));
    client.send(call(1), frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, Buffer.from("0001610162", "hex")));
    assert.deepEqual(client.handlers[0]?.told, ["end", "close"]);
  });

  class Thrower extends RecordingHandler {
    override onMessage(message: Uint8Array): void {
      super.onMessage(message);
      throw new Error("secret");
    }

    override onEnd(): void {
      throw new Error("secret");
    }

    override onClose(): void {
      super.onClose();
      throw new Error("secret");
    }
  }
  const FAULTY = [
    { name: "on a message", in: data(1, Buffer.concat([prefixed("a"), prefixed("b")])), told: ["message a", "close"] },
    { name: "at the end", in: data(1, Buffer.alloc(0), FLAG.endStream), told: ["close"] },
  ];
  for (const { name, in: bytes, told } of FAULTY) {
    it(`whose handler throws ${name} ends with internal, and the connection lives`, () => {
      const client = greeted((stream) => new Thrower(stream));
      client.send(call(1), bytes, call(3));
      assert.deepEqual(client.takeText(), [`1 ${HEADERS} grpc-status=13 grpc-message=internal error end`]);
      assert.deepEqual(client.handlers[0]?.told, told);
      assert.deepEqual([client.errors.length, client.connection.streams], [2, 1]);
    });
  }

  it("whose handler cannot be made ends with internal", () => {
    const client = greeted(() => {
      throw new Error("secret");
    });
    client.send(call(1), data(1, prefixed("a"), FLAG.endStream));
    assert.deepEqual(client.takeText(), [`1 ${HEADERS} grpc-status=13 grpc-message=internal error end`]);
    assert.equal(client.errors.length, 1);
  });

  const BROKEN = [
    {
      name: "a message too large",
      in: data(1, Buffer.from([0, 0, 0, 4, 1])),
      want: "grpc-status=8 grpc-message=a message of 1025 bytes, the limit is 1024",
    },
    {
      name: "a compressed message",
      in: data(1, Buffer.from([1, 0, 0, 0, 1, 0])),
      want: "grpc-status=13 grpc-message=a compressed message without grpc-encoding",
    },
    {
      name: "half a message",
      in: data(1, Buffer.from([0, 0, 0, 0, 1]), FLAG.endStream),
      want: "grpc-status=13 grpc-message=the last message is not whole",
    },
  ];
  for (const { name, in: bytes, want } of BROKEN) {
    it(`with ${name} is ended`, () => {
      const client = greeted();
      client.send(call(1), bytes);
      assert.deepEqual(client.takeText(), [`1 ${HEADERS} ${want} end`]);
      assert.deepEqual([client.errors, client.handlers[0]?.told], [[], ["close"]]);
    });
  }

  const RESET = [
    {
      name: "DATA behind its end",
      in: [data(1, Buffer.alloc(0), FLAG.endStream), data(1, prefixed("a"))],
      want: HTTP2_ERROR.streamClosed,
    },
    {
      name: "trailers behind its end",
      in: [data(1, Buffer.alloc(0), FLAG.endStream), call(1, 5)],
      want: HTTP2_ERROR.streamClosed,
    },
    { name: "a second header block in the middle", in: [call(1)], want: HTTP2_ERROR.protocol },
    { name: "a window opened by nothing", in: [windowUpdate(1, 0)], want: HTTP2_ERROR.protocol },
    { name: "a window opened too far", in: [windowUpdate(1, WINDOW_MAX)], want: HTTP2_ERROR.flowControl },
  ];
  for (const { name, in: frames, want } of RESET) {
    it(`with ${name} is reset, and the connection lives`, () => {
      const client = greeted();
      client.send(call(1), ...frames, call(3));
      assert.deepEqual(client.takeText(), [`1 reset ${want}`]);
      assert.deepEqual([client.handlers[0]?.told.at(-1), client.connection.streams], ["close", 1]);
    });
  }
});

describe("flow control", () => {
  const message = Buffer.alloc(100, "x");

  it("sends what the stream's window lets through, and the rest when it opens", () => {
    const client = new ScriptedClient();
    client.greet([SETTING.initialWindow, 50]);
    client.send(call(1));
    client.handlers[0]?.stream.send(message);
    client.handlers[0]?.stream.end(GRPC_STATUS.ok);
    client.send(windowUpdate(1, 54));
    assert.deepEqual(client.takeText(), [`1 ${HEADERS}`, "1 data 50", "1 data 54"]);
    assert.deepEqual(client.handlers[0]?.told, []);
    client.send(windowUpdate(1, 54));
    assert.deepEqual(client.takeText(), ["1 data 1", "1 headers grpc-status=0 end"]);
    assert.deepEqual(client.handlers[0]?.told, ["close"]);
  });

  it("follows a change of the initial window, downwards below zero too", () => {
    const client = new ScriptedClient();
    client.greet([SETTING.initialWindow, 50]);
    client.send(call(1));
    client.handlers[0]?.stream.send(message);
    client.send(settings([SETTING.initialWindow, 20]), settings([SETTING.initialWindow, 49]));
    assert.deepEqual(client.takeText(), [`1 ${HEADERS}`, "1 data 50", "0 settings end", "0 settings end"]);
    client.send(settings([SETTING.initialWindow, 60]));
    assert.deepEqual(client.takeText(), ["1 data 10", "0 settings end"]);
  });

  it("shares the connection's window, and wakes every stream that waits for it", () => {
    const client = greeted();
    client.send(call(1), call(3), call(5));
    const streams = client.handlers.map(({ stream }) => stream);
    streams[0]?.send(Buffer.alloc(65_535 - 15));
    for (const stream of streams) stream.send(Buffer.alloc(15));
    client.send(windowUpdate(1, 100));
    client.take();
    client.send(windowUpdate(0, 15));
    assert.deepEqual(client.takeText(), ["1 data 10", "3 data 5"]);
    client.send(windowUpdate(0, 100));
    assert.deepEqual(client.takeText(), ["3 data 15", "5 data 20"]);
  });

  it("cuts messages to the peer's frame size", () => {
    const client = new ScriptedClient();
    client.greet([SETTING.initialWindow, 100_000], [SETTING.frameBytesMax, 20_000]);
    client.send(call(1), windowUpdate(0, 100_000));
    client.handlers[0]?.stream.send(Buffer.alloc(50_000));
    client.send(frame(FRAME.goaway, 0, 0, uint32(0, 0)));
    assert.deepEqual(client.takeText(), [`1 ${HEADERS}`, "1 data 20000", "1 data 20000", "1 data 10005"]);
  });

  it("keeps the order of what waits", () => {
    const sizes = fc.array(fc.nat(60), { minLength: 1, maxLength: 8 });
    const steps = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(sizes, steps, (list, windows) => {
        const client = new ScriptedClient();
        client.greet([SETTING.initialWindow, 7]);
        client.send(call(1));
        for (const [index, size] of list.entries()) client.handlers[0]?.stream.send(Buffer.alloc(size, index + 1));
        for (const window of windows) client.send(windowUpdate(1, window));
        client.send(windowUpdate(1, 10_000));
        const payloads = client.take().filter(({ type }) => type === FRAME.data);
        const got = Buffer.concat(payloads.map(({ payload }) => payload));
        assert.deepEqual(got, Buffer.concat(list.map((size, index) => prefixed(Buffer.alloc(size, index + 1)))));
      }),
    );
  });

  it("forgets what waits on a stream that is cancelled", () => {
    const client = new ScriptedClient();
    client.greet([SETTING.initialWindow, 0]);
    for (let id = 1; id < 2000; id += 2) {
      client.send(call(id));
      client.handlers.at(-1)?.stream.send(Buffer.alloc(1000));
      client.send(reset(id));
    }
    assert.deepEqual([client.closes, client.connection.streams], [0, 0]);
    assert.ok(client.handlers.every(({ told }) => told.length === 1));
  });

  it("opens our windows again when half of them is used", () => {
    const client = greeted();
    const mebibyte = Buffer.concat(new Array<Buffer>(1024).fill(prefixed(Buffer.alloc(1019))));
    client.send(call(1), call(3));
    for (let count = 0; count < 15; count++) client.send(data(1, mebibyte));
    assert.deepEqual(client.takeText(), [`1 windowUpdate ${8 << 20}`]);
    client.handlers[0]?.stream.end(GRPC_STATUS.ok);
    client.take();
    // Of a call that is over, what is still on its way counts for the connection all the same.
    for (let count = 0; count < 17; count++) client.send(data(1, mebibyte));
    client.send(data(3, mebibyte));
    assert.deepEqual(client.takeText().slice(1), [`0 windowUpdate ${32 << 20}`]);
  });
});

describe("a peer that misbehaves", () => {
  const endless = Buffer.from([0x3f, 0xff, 0xff, 0xff, 0xff, 0xff]);
  const HOSTILE = [
    { name: "DATA on an idle stream", in: [data(1, prefixed("a"))], want: `0 ${HTTP2_ERROR.protocol}` },
    { name: "DATA on stream 0", in: [data(0, prefixed("a"))], want: `0 ${HTTP2_ERROR.protocol}` },
    { name: "a stream with an even number", in: [call(2)], want: `0 ${HTTP2_ERROR.protocol}` },
    { name: "RST_STREAM on an idle stream", in: [reset(1)], want: `0 ${HTTP2_ERROR.protocol}` },
    {
      name: "RST_STREAM of a wrong length",
      in: [call(1), frame(FRAME.reset, 0, 1)],
      want: `1 ${HTTP2_ERROR.frameSize}`,
    },
    { name: "WINDOW_UPDATE on an idle stream", in: [windowUpdate(1, 1)], want: `0 ${HTTP2_ERROR.protocol}` },
    { name: "WINDOW_UPDATE by nothing", in: [windowUpdate(0, 0)], want: `0 ${HTTP2_ERROR.protocol}` },
    {
      name: "WINDOW_UPDATE of a wrong length",
      in: [frame(FRAME.windowUpdate, 0, 0)],
      want: `0 ${HTTP2_ERROR.frameSize}`,
    },
    { name: "a window opened too far", in: [windowUpdate(0, WINDOW_MAX)], want: `0 ${HTTP2_ERROR.flowControl}` },
    { name: "PING of a wrong length", in: [frame(FRAME.ping, 0, 0)], want: `0 ${HTTP2_ERROR.frameSize}` },
    { name: "PUSH_PROMISE", in: [frame(FRAME.pushPromise, 4, 1, uint32(2))], want: `0 ${HTTP2_ERROR.protocol}` },
    {
      name: "SETTINGS of a wrong length",
      in: [frame(FRAME.settings, 0, 0, Buffer.of(1))],
      want: `0 ${HTTP2_ERROR.frameSize}`,
    },
    { name: "SETTINGS on a stream", in: [frame(FRAME.settings, 0, 1)], want: `0 ${HTTP2_ERROR.protocol}` },
    {
      name: "an initial window out of bounds",
      in: [settings([SETTING.initialWindow, 2 ** 31])],
      want: `0 ${HTTP2_ERROR.flowControl}`,
    },
    {
      name: "a frame size out of bounds",
      in: [settings([SETTING.frameBytesMax, 16_383])],
      want: `0 ${HTTP2_ERROR.protocol}`,
    },
    {
      name: "an initial window that overflows an open stream's",
      in: [call(1), windowUpdate(1, WINDOW_MAX - 65_535), settings([SETTING.initialWindow, 65_536])],
      want: `1 ${HTTP2_ERROR.flowControl}`,
    },
    {
      name: "a header block that is none",
      in: [frame(FRAME.headers, 4, 1, endless)],
      want: `1 ${HTTP2_ERROR.compression}`,
    },
    {
      name: "a header bomb",
      in: [frame(FRAME.headers, 4, 1, Buffer.alloc(60_000, 0x90))],
      want: `1 ${HTTP2_ERROR.enhanceYourCalm}`,
    },
    { name: "bytes that are no HTTP/2", in: [Buffer.alloc(64, 0xff)], want: `0 ${HTTP2_ERROR.frameSize}` },
  ];
  for (const { name, in: frames, want } of HOSTILE) {
    it(`is told what it did and disconnected: ${name}`, async () => {
      const client = greeted();
      client.send(...frames, call(9));
      assert.equal(client.takeText().at(-1), `0 goaway ${want}`);
      // Every stream is closed at once, and bytes that follow are not read.
      client.send(call(11));
      assert.ok(client.handlers.every(({ told }) => told.join() === "close"));
      assert.ok(client.socket.writableEnded);
      client.socket.destroy();
      await nextTurn();
      assert.equal(client.closes, 1);
    });
  }

  it("is told so when it does not speak HTTP/2 from the start", () => {
    const client = new ScriptedClient();
    client.take();
    client.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    assert.deepEqual(client.takeText(), [`0 goaway 0 ${HTTP2_ERROR.protocol}`]);
  });

  it("may reset as many streams as it likes: Envoy ends every one of them so", () => {
    const client = greeted((stream) => new Echo(stream));
    for (let id = 1; id <= 20_000; id += 2) client.send(call(id), data(id, prefixed("a")), reset(id));
    const answers = client.take();
    assert.equal(answers.length, 20_000);
    assert.ok(answers.every(({ type }) => type === FRAME.headers || type === FRAME.data));
    assert.ok(client.handlers.every(({ told }) => told.join() === "message a,close"));
    assert.equal(client.connection.streams, 0);
  });

  it("is disconnected when it leaves too much waiting for its window", () => {
    const client = new ScriptedClient((stream) => new Echo(stream));
    client.greet([SETTING.initialWindow, 0]);
    client.send(call(1));
    const piece = data(1, prefixed(Buffer.alloc(1000)));
    for (let count = 0; count < 300; count++) client.send(piece);
    assert.deepEqual([client.closes, client.socket.destroyed], [1, true]);
    assert.equal(client.handlers[0]?.told.at(-1), "close");
  });

  it("is disconnected when it does not read", () => {
    const client = greeted();
    client.socket.stalled = true;
    for (let count = 0; count < 20_000; count++) client.send(frame(FRAME.ping, 0, 0, Buffer.alloc(8)));
    assert.deepEqual([client.closes, client.socket.destroyed], [1, true]);
  });
});

describe("the end of a connection", () => {
  it("closes every call once when the peer is gone", async () => {
    const client = greeted();
    client.send(call(1), call(3), call(5), reset(3));
    client.socket.destroy(new Error("ECONNRESET"));
    await nextTurn();
    assert.deepEqual(
      client.handlers.map(({ told }) => told.join()),
      ["close", "close", "close"],
    );
    assert.deepEqual([client.closes, client.connection.streams], [1, 0]);
    client.handlers[0]?.stream.send(Buffer.from("late"));
    client.handlers[0]?.stream.end(GRPC_STATUS.ok);
  });

  it("drains: warns, serves what is on its way, names the last stream served, and ends with it", async () => {
    const client = greeted((stream) => new Echo(stream));
    client.send(call(1));
    client.connection.drain();
    client.connection.drain();
    await nextTurn();
    const [warning, ping, ...more] = client.take();
    assert.deepEqual([warning?.payload, ping?.type, more], [uint32(WINDOW_MAX, 0), FRAME.ping, []]);
    client.send(call(3), frame(FRAME.ping, FLAG.ack, 0, ping?.payload), call(5));
    assert.deepEqual(client.takeText(), ["0 goaway 3 0"]);
    client.send(data(1, prefixed("a"), FLAG.endStream));
    assert.equal(client.socket.writableEnded, false);
    client.send(data(3, prefixed("a"), FLAG.endStream));
    assert.equal(client.takeText().at(-1), "3 headers grpc-status=0 end");
    assert.deepEqual([client.socket.writableEnded, client.handlers.length], [true, 2]);
  });

  it("drains at once when no call is under way", () => {
    const client = greeted();
    client.connection.drain();
    client.send(frame(FRAME.ping, FLAG.ack, 0, Buffer.from("draining")));
    assert.ok(client.socket.writableEnded);
  });
});
