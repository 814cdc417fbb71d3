/** Requests whose body is asked for later than their head comes: it has to be found out who calls. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Script, ScriptedCaller } from "./scripted-caller.ts";

const LATER: Script = { onHead: () => undefined, onBody: (call) => call.reply(call.body?.toString("latin1")) };
const BIG = "x".repeat(200_000);

function post(body: string, more = ""): string {
  return `POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`;
}

const CHUNKED = "POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
const GET = "GET /x HTTP/1.1\r\nhost: a\r\n\r\n";

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The bodies that were answered. */
function bodies(caller: ScriptedCaller): (string | undefined)[] {
  return caller.calls.map(({ body }) => body?.toString("latin1"));
}

async function readAll(caller: ScriptedCaller): Promise<void> {
  for (let i = 0; i < caller.calls.length; i++) {
    caller.call(i).caller.readBody();
    await tick();
  }
}

describe("a body that is asked for later", () => {
  for (const { name, input, want } of [
    { name: "with a length", input: post("hello"), want: ["hello"] },
    { name: "in chunks", input: CHUNKED, want: ["abc"] },
    { name: "without a byte", input: post(""), want: [""] },
    { name: "of a request that has none", input: GET, want: [""] },
    {
      name: "with others behind it",
      input: post("one") + CHUNKED + GET + post("two"),
      want: ["one", "abc", "", "two"],
    },
  ]) {
    it(`comes whole, ${name}, however the bytes are cut`, async () => {
      for (let cut = 1; cut < input.length; cut++) {
        const early = new ScriptedCaller(LATER).send(input.slice(0, cut), input.slice(cut));
        await readAll(early);
        assert.deepEqual(bodies(early), want, `all there before it is asked for, cut at ${cut}`);
        const late = new ScriptedCaller(LATER).send(input.slice(0, cut));
        await readAll(late);
        late.send(input.slice(cut));
        await readAll(late);
        assert.deepEqual(bodies(late), want, `the rest comes after it is asked for, cut at ${cut}`);
      }
    });
  }

  it("waits at the caller when it is big", async () => {
    const caller = new ScriptedCaller(LATER).send(post(BIG).slice(0, 100_000));
    assert.equal(caller.socket.isPaused(), true);
    caller.call().caller.readBody();
    await tick();
    assert.equal(caller.socket.isPaused(), false);
    caller.send(post(BIG).slice(100_000));
    assert.deepEqual(bodies(caller), [BIG]);
  });

  it("is told to come then, when the caller waits for that", async () => {
    const caller = new ScriptedCaller(LATER).send(post("hello", "expect: 100-continue\r\n").slice(0, -5));
    assert.equal(caller.seen, "");
    caller.call().caller.readBody();
    assert.equal(caller.seen, "HTTP/1.1 100 Continue\r\n\r\n");
    await tick();
    caller.send("hello");
    assert.deepEqual(bodies(caller), ["hello"]);
  });

  it("is thrown away when the answer does not need it, and the connection ends", async () => {
    const caller = new ScriptedCaller(LATER).send(post("hello") + GET);
    caller.call().reply("no", 401);
    await tick();
    assert.match(caller.seen, /^HTTP\/1\.1 401 .*connection: close\r\n.*\r\nno$/s);
    caller.send(GET);
    assert.deepEqual(caller.calls.length, 1);
    assert.deepEqual(caller.call().events, ["delivered"]);
  });

  it("does not end a connection that an answer without body needs", async () => {
    const caller = new ScriptedCaller(LATER).send(GET + post("hello"));
    caller.call().reply("yes");
    await tick();
    await readAll(caller);
    assert.deepEqual(bodies(caller).slice(1), ["hello"]);
  });

  for (const { name, leave } of [
    { name: "breaks off", leave: (caller: ScriptedCaller) => caller.socket.destroy() },
    { name: "ends its side", leave: (caller: ScriptedCaller) => caller.socket.emit("end") },
  ]) {
    it(`is forgotten when the caller ${name} before it is asked for`, async () => {
      const caller = new ScriptedCaller(LATER).send(post("hello"));
      leave(caller);
      await tick();
      caller.call().caller.readBody();
      await tick();
      assert.deepEqual(caller.call().events, ["lost"]);
    });
  }
});
