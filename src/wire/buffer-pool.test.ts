import assert from "node:assert/strict";
import { it } from "node:test";
import { BufferPool } from "./buffer-pool.ts";

const KB = 1024;

it("gives a buffer of at least the size asked for, in a power of two where it is kept", () => {
  const pool = new BufferPool();
  const sizes = [0, 1, 32 * KB - 1, 32 * KB, 32 * KB + 1, 220_000, 4096 * KB, 4096 * KB + 1];
  assert.deepEqual(
    sizes.map((size) => pool.take(size).length),
    [0, 1, 32 * KB - 1, 32 * KB, 64 * KB, 256 * KB, 4096 * KB, 4096 * KB + 1],
  );
});

it("gives what was released to the next who asks for that size, once", () => {
  const pool = new BufferPool();
  const buffer = pool.take(220_000);
  pool.release(buffer);
  assert.notEqual(pool.take(100_000), buffer);
  assert.equal(pool.take(200_000), buffer);
  assert.notEqual(pool.take(200_000), buffer);
});

it("keeps neither small buffers nor very large ones", () => {
  const pool = new BufferPool();
  for (const size of [1000, 5000 * KB]) {
    const buffer = pool.take(size);
    pool.release(buffer);
    assert.notEqual(pool.take(size), buffer);
  }
});

it("keeps 16 MB at most", () => {
  const pool = new BufferPool();
  const buffers = Array.from({ length: 5 }, () => pool.take(4096 * KB));
  for (const buffer of buffers) pool.release(buffer);
  const again = buffers.map(() => pool.take(4096 * KB));
  assert.deepEqual(
    buffers.map((buffer) => again.includes(buffer)),
    [true, true, true, true, false],
  );
});
