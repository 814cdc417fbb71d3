import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ECHO, type Script, ScriptedCaller } from "./scripted-caller.ts";

const DATE = /^date: .*\r\n/gm;
const KEPT = "connection: keep-alive\r\nkeep-alive: timeout=75\r\n";
const GET = "GET /x HTTP/1.1\r\nhost: a\r\n\r\n";

function post(body: string, more = ""): string {
  return `POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`;
}

function chunked(...parts: string[]): string {
  const chunks = parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("");
  return `POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
}

function answer(text: string, own = KEPT): string {
  return `HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: ${text.length}\r\n${own}\r\n${text}`;
}

/** What was written, without the dates. */
function seen(caller: ScriptedCaller): string {
  return caller.seen.replaceAll(DATE, "");
}

/** Lets the flushes of this tick happen. */
function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const OK: Script = { onBody: (call) => call.reply(call.body?.toString()) };
const HOLD: Script = {};

describe("an HTTP/1.1 connection", () => {
  it("answers head and body in one write, with the date where the answer has none", () => {
    const caller = new ScriptedCaller(OK).send(post("hello"));
    assert.equal(seen(caller), answer("hello"));
    assert.equal(caller.socket.written.length, 1);
    assert.match(caller.seen, /\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/);
    const dated = new ScriptedCaller({ onBody: ({ caller: to }) => to.reply(200, ["date", "then"], Buffer.of()) });
    assert.equal(dated.send(GET).seen.match(/date: /g)?.length, 1);
  });

  it("reads bodies of a known length and in chunks, however the bytes are cut", () => {
    const input = post("hello") + chunked("a", "bc", "d".repeat(40)) + GET + post("") + chunked() + post("bye");
    const bodies = ["hello", `abc${"d".repeat(40)}`, "", "", "", "bye"];
    const want = bodies.map((text) => answer(text)).join("");
    for (let cut = 1; cut < input.length; cut++) {
      assert.equal(seen(new ScriptedCaller(OK).send(input.slice(0, cut), input.slice(cut))), want, `cut at ${cut}`);
    }
    assert.equal(seen(new ScriptedCaller(OK).send(...input)), want);
  });

  it("serves what it would serve of each request alone, at any cut", () => {
    const body = fc.string({ unit: "binary-ascii", maxLength: 300 });
    const request = fc.oneof(
      body.map((text) => post(text)),
      fc
        .array(
          body.filter((text) => text !== ""),
          { maxLength: 4 },
        )
        .map((parts) => chunked(...parts)),
      fc.constant(GET),
    );
    const property = fc.property(
      fc.array(request, { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(), { maxLength: 9 }),
      (texts, cuts) => {
        const input = texts.join("");
        const edges = [0, ...cuts.map((cut) => cut % input.length).sort((a, b) => a - b), input.length];
        const pieces = edges.slice(1).map((end, i) => input.slice(edges[i], end));
        const alone = texts.map((text) => seen(new ScriptedCaller(ECHO).send(text)));
        assert.equal(seen(new ScriptedCaller(ECHO).send(...pieces.filter((piece) => piece !== ""))), alone.join(""));
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  it("serves pipelined requests one after the other, in their order", () => {
    const caller = new ScriptedCaller(HOLD).send(post("1") + post("2"), post("3"));
    assert.equal(caller.calls.length, 1);
    caller.call(0).reply("a");
    assert.equal(caller.calls.length, 2);
    caller.call(1).reply("b");
    caller.call(2).reply("c");
    assert.equal(seen(caller), answer("a") + answer("b") + answer("c"));
    assert.deepEqual(
      caller.calls.map(({ body }) => body?.toString()),
      ["1", "2", "3"],
    );
  });

  it("serves many pipelined requests that are answered at once without growing the stack", () => {
    const count = 20_000;
    const caller = new ScriptedCaller({ onBody: (call) => call.caller.reply(204, ["date", ""], Buffer.of()) });
    caller.send(GET.repeat(count));
    assert.equal(caller.calls.length, count);
  });

  it("stops to read when a caller pipelines more than is kept, and goes on later", () => {
    const caller = new ScriptedCaller(HOLD).send(GET, GET.repeat(2_000));
    assert.equal(caller.socket.isPaused(), false);
    caller.send(GET.repeat(2_000));
    assert.equal(caller.socket.isPaused(), true);
    for (let n = 0; n < 4_001; n++) caller.call(n).reply();
    assert.equal(caller.socket.isPaused(), false);
  });

  it("lets nothing of an ended request into the answer of another", () => {
    const caller = new ScriptedCaller(HOLD).send(GET + GET);
    const [first] = [caller.call(0)];
    first.reply("a");
    first.reply("again");
    first.caller.streamHead(200, []);
    first.caller.streamData(Buffer.from("late"));
    first.caller.streamEnd();
    first.caller.readBody();
    caller.call(1).reply("b");
    assert.equal(seen(caller), answer("a") + answer("b"));
    assert.deepEqual(first.events, ["body", "delivered"]);
  });

  it("tells a caller to go on that waits for it, before the answer", () => {
    const head = "POST /x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
    const caller = new ScriptedCaller(OK).send(head);
    assert.equal(caller.seen, "HTTP/1.1 100 Continue\r\n\r\n");
    caller.send("hi");
    assert.equal(seen(caller), `HTTP/1.1 100 Continue\r\n\r\n${answer("hi")}`);
  });
});

describe("an HTTP/1.1 connection's answers", () => {
  const CLOSE = "connection: close\r\n";

  it("close the connection where the caller asks for it, or speaks HTTP/1.0", () => {
    const cases = [
      { in: post("x", "connection: close\r\n"), want: answer("x", CLOSE), ends: true },
      { in: "POST /x HTTP/1.0\r\ncontent-length: 1\r\n\r\nx", want: answer("x", CLOSE), ends: true },
      {
        in: "POST /x HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\nx",
        want: answer("x"),
        ends: false,
      },
    ];
    for (const { in: input, want, ends } of cases) {
      const caller = new ScriptedCaller(OK).send(input + GET);
      const first = seen(caller).slice(0, want.length);
      assert.deepEqual([first, caller.socket.writableEnded, caller.calls.length], [want, ends, ends ? 1 : 2]);
    }
  });

  it("close the connection when the server does", () => {
    const caller = new ScriptedCaller(OK);
    caller.closing = true;
    assert.equal(seen(caller.send(post("x"))), answer("x", CLOSE));
    assert.equal(caller.socket.writableEnded, true);
  });

  it("close the connection when the body was not waited for, and what comes of it is thrown away", () => {
    const caller = new ScriptedCaller({ onHead: (call) => call.reply("no", 413) });
    caller.send("POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n", "x".repeat(100), GET);
    assert.match(seen(caller), /^HTTP\/1.1 413 Payload Too Large\r\n[\s\S]*\r\nconnection: close\r\n\r\nno$/);
    assert.deepEqual([caller.calls.length, caller.socket.writableEnded, caller.socket.destroyed], [1, true, false]);
    assert.deepEqual(caller.call().events, ["delivered"]);
  });

  it("write no header of the connection that is not theirs, and none that would break the head", () => {
    const headers = ["connection", "close", "transfer-encoding", "chunked", "content-length", "9", "keep-alive", "x"];
    headers.push("x-bad", "a\r\nset-cookie: b", "x-wide", "\u010a", "x-good", "caf\xe9\t1", "date", "d");
    const caller = new ScriptedCaller({ onBody: (call) => call.caller.reply(200, headers, Buffer.from("ok")) });
    assert.equal(
      caller.send(GET).seen,
      `HTTP/1.1 200 OK\r\nx-good: caf\xe9\t1\r\ndate: d\r\ncontent-length: 2\r\n${KEPT}\r\nok`,
    );
  });

  it("have no body for HEAD, and neither body nor length with 204", () => {
    const caller = new ScriptedCaller(OK).send("HEAD / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi");
    assert.equal(seen(caller), answer("hi").slice(0, -2));
    const empty = new ScriptedCaller({ onBody: (call) => call.reply("", 204) }).send(GET);
    assert.equal(seen(empty), `HTTP/1.1 204 No Content\r\nx-a: b\r\n${KEPT}\r\n`);
  });

  it("that are large are written behind their head", () => {
    const text = "x".repeat(100_000);
    const caller = new ScriptedCaller({ onBody: (call) => call.reply(text) }).send(GET);
    assert.equal(seen(caller), answer(text));
  });
});

describe("an HTTP/1.1 connection's streams", () => {
  const HEAD = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n${KEPT}\r\n`;

  it("come in chunks; what is told at once leaves in one write", async () => {
    const caller = new ScriptedCaller(HOLD).send(GET);
    const { caller: to } = caller.call();
    to.streamHead(200, ["content-length", "5"]);
    to.streamData(Buffer.from("ab"));
    to.streamData(Buffer.of());
    to.streamData(Buffer.from("cd"));
    await tick();
    assert.deepEqual([seen(caller), caller.socket.written.length], [`${HEAD}4\r\nabcd\r\n`, 1]);
    to.streamData(Buffer.from("e".repeat(20)));
    await tick();
    to.streamData(Buffer.from("f"));
    to.streamEnd();
    assert.deepEqual(
      [seen(caller), caller.socket.written.length],
      [`${HEAD}4\r\nabcd\r\n14\r\n${"e".repeat(20)}\r\n1\r\nf\r\n0\r\n\r\n`, 3],
    );
    assert.deepEqual(caller.call().events, ["body", "delivered"]);
    caller.send(GET);
    assert.equal(caller.calls.length, 2);
  });

  it("send a head that no data follows, and large chunks as they are", async () => {
    const caller = new ScriptedCaller(HOLD).send(GET);
    caller.call().caller.streamHead(200, []);
    await tick();
    assert.equal(seen(caller), HEAD);
    const large = "x".repeat(100_000);
    caller.call().caller.streamData(Buffer.from(large));
    caller.call().caller.streamEnd();
    assert.equal(seen(caller), `${HEAD}186a0\r\n${large}\r\n0\r\n\r\n`);
  });

  it("end with the connection for HTTP/1.0", async () => {
    const caller = new ScriptedCaller(HOLD).send("GET /x HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    caller.call().caller.streamHead(200, []);
    caller.call().caller.streamData(Buffer.from("ab"));
    caller.call().caller.streamEnd();
    assert.equal(seen(caller), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nab");
    assert.equal(caller.socket.writableEnded, true);
  });

  it("are held back when the caller does not read, until it has caught up", async () => {
    const caller = new ScriptedCaller(HOLD).send(GET);
    caller.socket.stuck = true;
    const { caller: to, events } = caller.call();
    to.streamHead(200, []);
    to.streamData(Buffer.alloc(200_000));
    await tick();
    assert.deepEqual(events, ["body", "blocked"]);
    caller.socket.stuck = false;
    await tick();
    assert.deepEqual(events, ["body", "blocked", "drained"]);
    caller.socket.stuck = true;
    to.streamEnd();
    assert.deepEqual(events, ["body", "blocked", "drained"]);
    caller.socket.stuck = false;
    await tick();
    assert.deepEqual(events, ["body", "blocked", "drained", "delivered"]);
  });
});

describe("an HTTP/1.1 connection's end", () => {
  const cases = [
    { name: "while the answer is waited for", in: GET, events: ["body", "lost"], refused: [] },
    { name: "while a body is awaited", in: post("hello").slice(0, -1), events: ["error", "delivered"], refused: [] },
    { name: "within chunks", in: chunked("hello").slice(0, -2), events: ["error", "delivered"], refused: [] },
    { name: "within a head", in: "GET / HT", events: undefined, refused: [400] },
    { name: "between requests", in: "", events: undefined, refused: [] },
    { name: "with requests still waiting", in: GET + GET, events: ["body", "lost"], refused: [] },
  ];
  for (const { name, in: input, events, refused } of cases) {
    it(`by the caller ${name} is told once`, async () => {
      const caller = new ScriptedCaller(HOLD);
      if (input !== "") caller.send(input);
      caller.socket.push(null);
      await tick();
      assert.deepEqual(
        [caller.calls[0]?.events, caller.refused.map(({ httpStatus }) => httpStatus)],
        [events, refused],
      );
      assert.deepEqual([caller.isClosed, caller.calls.length], [true, events === undefined ? 0 : 1]);
    });
  }

  it("by a reset loses the answer", async () => {
    const caller = new ScriptedCaller(HOLD).send(GET);
    caller.socket.destroy(new Error("reset"));
    await tick();
    assert.deepEqual([caller.call().events, caller.isClosed], [["body", "lost"], true]);
    caller.call().reply();
    assert.equal(caller.seen, "");
  });

  it("by a reset that has not been told yet loses the answer too", async () => {
    const caller = new ScriptedCaller(HOLD).send(GET);
    caller.socket.destroy();
    caller.call().reply();
    await tick();
    assert.deepEqual(caller.call().events, ["body", "lost"]);
  });

  it("by a reset before the answer has gone loses the answer", async () => {
    const caller = new ScriptedCaller(HOLD).send(GET);
    caller.socket.stuck = true;
    caller.call().reply();
    caller.socket.destroy();
    await tick();
    assert.deepEqual(caller.call().events, ["body", "lost"]);
  });

  it("by a caller who needs no more leaves an answer that is under way to arrive", async () => {
    const caller = new ScriptedCaller(HOLD).send(GET);
    caller.socket.stuck = true;
    caller.call().reply();
    caller.socket.push(null);
    await tick();
    caller.socket.stuck = false;
    await tick();
    assert.deepEqual([caller.call().events, caller.isClosed], [["body", "delivered"], true]);
  });
});

describe("an HTTP/1.1 connection, against malformed requests", () => {
  const heads = [
    { name: "a malformed head", in: "GET / HTTP/1.1\r\nhost : a\r\n\r\n", want: 400 },
    {
      name: "a head that is too large",
      in: `GET / HTTP/1.1\r\nhost: a\r\nx: ${"x".repeat(62_000)}\r\n\r\n`,
      want: 431,
    },
  ];
  for (const { name, in: input, want } of heads) {
    it(`refuses ${name} and reads nothing behind it`, () => {
      const caller = new ScriptedCaller(OK).send(GET + input + GET, GET);
      assert.deepEqual([caller.calls.length, caller.refused.map(({ httpStatus }) => httpStatus)], [1, [want]]);
      assert.equal(caller.seen.endsWith(`refused ${want}`), true);
      assert.deepEqual([caller.socket.writableEnded, caller.socket.destroyed], [true, false]);
    });
  }

  const CHUNKS = "POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
  const bodies = [
    { name: "a size that is no number", in: "g\r\n" },
    { name: "an empty size", in: "\r\n" },
    { name: "a signed size", in: "+1\r\nx\r\n" },
    { name: "a size in C's way", in: "0x1\r\nx\r\n" },
    { name: "a size past exact numbers", in: "fffffffffffff\r\n" },
    { name: "a blank behind the size", in: "1 \r\nx\r\n" },
    { name: "a blank before an extension", in: "1 ;a\r\nx\r\n" },
    { name: "a size ended by LF alone", in: "1\nx\r\n" },
    { name: "a size ended by CR alone", in: "1\rx\r\n" },
    { name: "a LF in an extension", in: "1;a\n\r\nx\r\n" },
    { name: "a line's end within quotes in an extension", in: '1;a="b\r\nx\r\n' },
    { name: "a control character in an extension", in: "1;\x01\r\nx\r\n" },
    { name: "an extension without end", in: `1;${"a".repeat(17_000)}` },
    { name: "a chunk longer than its size", in: "1\r\nxy\r\n" },
    { name: "a chunk without a line's end", in: "1\r\nx0\r\n" },
    { name: "a chunk ended by LF alone", in: "1\r\nx\n0\r\n\r\n" },
    { name: "a trailer with a LF alone", in: "0\r\na: b\n\r\n" },
    { name: "a trailer without a colon", in: "0\r\nabc\r\n\r\n" },
    { name: "a trailer without a name", in: "0\r\n: b\r\n\r\n" },
    { name: "a blank before a trailer's colon", in: "0\r\na : b\r\n\r\n" },
    { name: "a folded trailer", in: "0\r\na: b\r\n c\r\n\r\n" },
    { name: "a NUL in a trailer", in: "0\r\na: \0\r\n\r\n" },
    { name: "trailers without end", in: `0\r\n${"a: b\r\n".repeat(12_000)}` },
  ];
  for (const { name, in: input } of bodies) {
    it(`refuses ${name}, however the bytes are cut`, () => {
      for (const pieces of [[CHUNKS + input + GET], [CHUNKS, ...input, GET]]) {
        const caller = new ScriptedCaller(HOLD).send(...pieces);
        assert.deepEqual([caller.call().events, caller.calls.length], [["error", "delivered"], 1]);
        assert.deepEqual([caller.call().error?.httpStatus, caller.socket.writableEnded], [400, true]);
      }
    });
  }

  it("takes extensions and trailers, and drops them", () => {
    const caller = new ScriptedCaller(OK).send(`${CHUNKS}2;a="b;c";d\r\nhi\r\n0;e\r\nx-ai-eg-model: y\r\n\r\n`);
    assert.equal(seen(caller), answer("hi"));
  });

  it("refuses a body that is too large, by its length or as it comes", () => {
    for (const input of [post("x".repeat(11)), chunked("x".repeat(6), "x".repeat(5))]) {
      const caller = new ScriptedCaller({
        onHead: (call) => {
          try {
            call.caller.readBody();
          } catch (error) {
            call.onBodyError(error as never);
          }
        },
      });
      caller.bodyBytesMax = 10;
      caller.send(input, GET);
      assert.deepEqual([caller.call().error?.code, caller.calls.length], ["body_too_large", 1]);
      assert.match(caller.seen, /^HTTP\/1.1 413 /);
    }
  });
});

describe("an HTTP/1.1 connection's time limits", () => {
  /** Looks at the limits each second; when the connection is gone or has answered, in seconds. */
  function secondsUntil(caller: ScriptedCaller, condition: () => boolean): number {
    for (let second = 0; second < 1_000; second++) {
      caller.connection.tick(second * 1_000);
      if (condition()) return second;
    }
    return Number.POSITIVE_INFINITY;
  }

  it("answers a head that does not come to its end with 408, even when it comes byte by byte", () => {
    const caller = new ScriptedCaller(HOLD);
    const letters = [...GET].values();
    const seconds = secondsUntil(caller, () => {
      caller.send(letters.next().value ?? "");
      return caller.refused.length > 0;
    });
    assert.deepEqual([seconds, caller.refused[0]?.code], [12, "request_timeout"]);
    assert.equal(caller.seen, "refused 408");
  });

  it("closes an idle connection, before the first request and after an answer", () => {
    const fresh = new ScriptedCaller(OK);
    assert.equal(
      secondsUntil(fresh, () => fresh.socket.destroyed),
      76,
    );
    const used = new ScriptedCaller(OK).send(GET);
    assert.equal(
      secondsUntil(used, () => used.socket.destroyed),
      76,
    );
    assert.equal(used.refused.length, 0);
  });

  it("leaves a request that is being served to its own limits", () => {
    const caller = new ScriptedCaller(HOLD).send(GET);
    assert.equal(
      secondsUntil(caller, () => caller.socket.destroyed),
      Number.POSITIVE_INFINITY,
    );
    const reading = new ScriptedCaller(HOLD).send(post("hello").slice(0, -1));
    assert.equal(
      secondsUntil(reading, () => reading.socket.destroyed),
      Number.POSITIVE_INFINITY,
    );
  });

  it("waits after a last answer for the caller to close, not for long", () => {
    const caller = new ScriptedCaller(OK).send("nonsense\r\n\r\n");
    assert.equal(
      secondsUntil(caller, () => caller.socket.destroyed),
      3,
    );
  });

  it("gives up on an answer that nobody takes", async () => {
    const caller = new ScriptedCaller(HOLD).send(GET);
    caller.socket.stuck = true;
    caller.call().reply();
    assert.equal(
      secondsUntil(caller, () => caller.socket.destroyed),
      301,
    );
    await tick();
    assert.deepEqual(caller.call().events, ["body", "lost"]);
  });
});

describe("an HTTP/1.1 connection's body memory", () => {
  it("is offered to be read into straight, for what is missing of a large body", () => {
    const body = Buffer.from("0123456789".repeat(10_000));
    const caller = new ScriptedCaller(ECHO);
    assert.equal(caller.connection.room(), undefined);
    caller.send(`POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`, body.subarray(0, 10));
    for (let at = 10; at < body.length; ) {
      const room = caller.connection.room();
      const end = Math.min(body.length, at + 30_000);
      assert.equal(room?.length, body.length - at < 8192 ? undefined : body.length - at);
      if (room === undefined) caller.send(body.subarray(at, end));
      else {
        body.copy(room, 0, at, end);
        caller.connection.readInto(end - at);
      }
      at = end;
    }
    assert.equal(caller.connection.room(), undefined);
    assert.equal(JSON.parse(caller.seen.split("\r\n\r\n")[1] ?? "").body, body.toString());
  });

  it("takes no more reads when the request was answered before its body came", () => {
    const caller = new ScriptedCaller(HOLD).send("POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 50000\r\n\r\n");
    assert.equal(caller.connection.room()?.length, 50_000);
    caller.call().reply("no", 408);
    caller.connection.readInto(50_000);
    assert.equal(caller.connection.room(), undefined);
    assert.deepEqual(caller.call().events, ["delivered"]);
  });
});
