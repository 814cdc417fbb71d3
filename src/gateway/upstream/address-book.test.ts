import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { GatewayError } from "../../errors/gateway-error.ts";
import { AddressBook } from "./address-book.ts";
import { ScriptedPeer } from "./scripted-peer.ts";

const OLD = [{ address: "192.0.2.1", family: 4 }];
const NEW = [
  { address: "2001:db8::1", family: 6 },
  { address: "192.0.2.2", family: 4 },
];
const FAILURE = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });

type Answer = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

/** An address book over a DNS that answers when told to. */
class Scene {
  nowMs = 0;
  readonly pending: Answer[] = [];
  readonly book = new AddressBook(
    () => this.nowMs,
    (_host, _options, answer) => this.pending.push(answer),
  );

  ask(): Promise<LookupAddress[] | string> {
    return new Promise((resolve) => {
      this.book.lookup("upstream.test", { all: true }, (error, addresses) => {
        resolve(error === null ? (addresses as LookupAddress[]) : (error.code ?? "error"));
      });
    });
  }

  answer(addresses: LookupAddress[]): void {
    this.pending.shift()?.(null, addresses);
  }

  fail(): void {
    this.pending.shift()?.(FAILURE, []);
  }
}

describe("AddressBook", () => {
  it("asks once for all that ask at the same time", async () => {
    const scene = new Scene();
    const asked = [scene.ask(), scene.ask(), scene.ask()];
    assert.equal(scene.pending.length, 1);
    scene.answer(OLD);
    assert.deepEqual(await Promise.all(asked), [OLD, OLD, OLD]);
  });

  it("uses an answer for five seconds and then asks again", async () => {
    const scene = new Scene();
    const first = scene.ask();
    scene.answer(OLD);
    await first;
    scene.nowMs = 4_999;
    assert.deepEqual(await scene.ask(), OLD);
    scene.nowMs = 5_000;
    const later = scene.ask();
    scene.answer(NEW);
    assert.deepEqual(await later, NEW);
  });

  it("tells a failure when no answer is known, and asks again the next time", async () => {
    const scene = new Scene();
    const first = scene.ask();
    scene.fail();
    assert.equal(await first, "ENOTFOUND");
    const second = scene.ask();
    scene.answer(NEW);
    assert.deepEqual(await second, NEW);
  });

  it("keeps the last good answer when DNS fails or answers nothing", async () => {
    const scene = new Scene();
    const first = scene.ask();
    scene.answer(OLD);
    await first;
    scene.nowMs = 1_000_000;
    const failed = scene.ask();
    scene.fail();
    assert.deepEqual(await failed, OLD);
    const empty = scene.ask();
    scene.answer([]);
    assert.deepEqual(await empty, OLD);
  });

  it("waits a second for a slow DNS, then uses the last good answer, and takes the new one when it comes", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const scene = new Scene();
    const first = scene.ask();
    scene.answer(OLD);
    await first;
    scene.nowMs = 1_000_000;
    for (let i = 0; i < 2; i++) {
      const slow = scene.ask();
      t.mock.timers.tick(1_000);
      assert.deepEqual(await slow, OLD);
    }
    assert.equal(scene.pending.length, 1);
    scene.answer(NEW);
    assert.deepEqual(await scene.ask(), NEW);
  });

  const metadata = [
    { address: "169.254.169.254", family: 4 },
    { address: "fd00:ec2::254", family: 6 },
    { address: "::ffff:169.254.169.254", family: 6 },
  ];
  for (const one of metadata) {
    it(`does not lead to a cloud's metadata service at ${one.address}`, async () => {
      const scene = new Scene();
      const asked = [scene.ask(), scene.ask()];
      scene.answer([one]);
      assert.deepEqual(await Promise.all(asked), ["upstream_unavailable", "upstream_unavailable"]);
    });
  }

  it("leaves metadata services out of a name's addresses, and does not follow a name that moves there", async () => {
    const scene = new Scene();
    const first = scene.ask();
    scene.answer([...metadata, ...NEW]);
    assert.deepEqual(await first, NEW);
    scene.nowMs = 5_001;
    const second = scene.ask();
    scene.answer(metadata);
    assert.deepEqual(await second, NEW);
  });

  for (const autoSelectFamily of [true, false]) {
    it(`tells net.connect so ${autoSelectFamily ? "with" : "without"} a choice of addresses`, async () => {
      const book = new AddressBook(
        () => 0,
        (_host, _options, answer) => answer(null, metadata),
      );
      const socket = connect({ host: "upstream.test", port: 80, lookup: book.lookup, autoSelectFamily });
      const error = await new Promise((resolve) => socket.once("error", resolve));
      assert.ok(error instanceof GatewayError && error.code === "upstream_unavailable");
      assert.match(error.message, /a cloud's metadata service/);
    });
  }

  for (const autoSelectFamily of [true, false]) {
    it(`serves net.connect ${autoSelectFamily ? "with" : "without"} a choice of addresses`, async (t) => {
      const peer = new ScriptedPeer(() => undefined, createServer());
      await peer.start();
      t.after(() => peer.stop());
      const book = new AddressBook(
        () => 0,
        (_host, _options, answer) => answer(null, [{ address: "127.0.0.1", family: 4 }]),
      );
      const socket = connect({ host: "upstream.test", port: peer.port, lookup: book.lookup, autoSelectFamily });
      await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
      socket.destroy();
    });
  }
});
