import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GRPC_STATUS, type GrpcHandler, type GrpcStream } from "./grpc.ts";
import { healthMethods } from "./health.ts";

const SERVING = "0801";
const NOT_SERVING = "0802";

/** A call as the service sees it; what it sends is written down. */
class FakeStream implements GrpcStream {
  readonly headers = new Map<string, string>();
  readonly sent: string[] = [];
  ended: number | undefined;

  send(message: Uint8Array): void {
    this.sent.push(Buffer.from(message).toString("hex"));
  }

  end(status: number): void {
    this.ended ??= status;
  }
}

function begin(method: string, isServing: () => boolean): { stream: FakeStream; handler: GrpcHandler } {
  const stream = new FakeStream();
  const make = healthMethods(isServing).get(`/grpc.health.v1.Health/${method}`);
  assert.ok(make);
  return { stream, handler: make(stream) };
}

describe("the health service", () => {
  for (const [isServing, want] of [
    [true, SERVING],
    [false, NOT_SERVING],
  ] as const) {
    it(`answers Check when serving is ${isServing}`, () => {
      const { stream, handler } = begin("Check", () => isServing);
      handler.onMessage(Buffer.from("0a0178", "hex"));
      handler.onEnd();
      assert.deepEqual([stream.sent, stream.ended], [[want], GRPC_STATUS.ok]);
    });
  }

  it("refuses a Check without a message", () => {
    const { stream, handler } = begin("Check", () => true);
    handler.onEnd();
    assert.deepEqual([stream.sent, stream.ended], [[], GRPC_STATUS.invalidArgument]);
  });

  it("tells a Watch how it is, and every change until it is closed", (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    let serving = true;
    const { stream, handler } = begin("Watch", () => serving);
    handler.onMessage(Buffer.alloc(0));
    t.mock.timers.tick(5000);
    assert.deepEqual(stream.sent, [SERVING]);
    serving = false;
    t.mock.timers.tick(1000);
    assert.deepEqual(stream.sent, [SERVING, NOT_SERVING]);
    handler.onClose();
    serving = true;
    t.mock.timers.tick(5000);
    assert.deepEqual([stream.sent, stream.ended], [[SERVING, NOT_SERVING], undefined]);
  });
});
