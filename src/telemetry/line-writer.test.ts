import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { BUFFER_BYTES_MAX, type Destination, LINE_BYTES_MAX, LineWriter } from "./line-writer.ts";

type Answer = number | "EAGAIN" | "ENOSPC" | "EPIPE" | "hang";

/** A destination that answers each write as told, a number being the most bytes it takes, and then takes everything. */
class Scripted implements Destination {
  readonly pieceBytes = LINE_BYTES_MAX;
  readonly writes: string[] = [];
  readonly #answers: Answer[];

  constructor(...answers: Answer[]) {
    this.#answers = answers;
  }

  write(bytes: Buffer, start: number, end: number, done: Parameters<Destination["write"]>[3]): void {
    const answer = this.#answers.shift() ?? Number.POSITIVE_INFINITY;
    if (answer === "hang") return;
    if (typeof answer === "string") {
      process.nextTick(done, Object.assign(new Error(answer), { code: answer }), 0);
      return;
    }
    const taken = Math.min(answer, end - start);
    this.writes.push(bytes.toString("utf8", start, start + taken));
    process.nextTick(done, null, taken);
  }

  writeSync(bytes: Buffer, start: number, end: number): number {
    const answer = this.#answers.shift();
    if (typeof answer === "string") throw Object.assign(new Error(answer), { code: answer });
    this.writes.push(bytes.toString("utf8", start, end));
    return end - start;
  }
}

function line(length: number, letter = "x"): string {
  return `${letter.repeat(length - 1)}\n`;
}

test("lines come out in order, and no piece is longer than a pipe takes or ends inside a line", async () => {
  const to = new Scripted();
  const writer = new LineWriter(to);
  const lines = Array.from({ length: 200 }, (_, i) => `${i} ${"é".repeat(i)}\n`);
  for (const each of lines) writer.append(each);
  await writer.flush();
  assert.equal(to.writes.join(""), lines.join(""));
  assert.equal(writer.dropped, 0);
  for (const piece of to.writes) {
    assert.ok(Buffer.byteLength(piece) <= LINE_BYTES_MAX);
    assert.ok(piece.endsWith("\n"));
  }
});

test("a line given as bytes is copied, up to its length", async () => {
  const to = new Scripted();
  const writer = new LineWriter(to);
  const bytes = Buffer.from("one\nrest of an older line");
  writer.appendBytes(bytes, 4);
  bytes.write("two\n");
  writer.appendBytes(bytes, 4);
  bytes.fill(0);
  await writer.flush();
  assert.equal(to.writes.join(""), "one\ntwo\n");
});

test("a line is written when the timer fires, not before", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const to = new Scripted();
  const writer = new LineWriter(to);
  writer.append("one\n");
  t.mock.timers.tick(99);
  assert.deepEqual(to.writes, []);
  t.mock.timers.tick(1);
  assert.deepEqual(to.writes, ["one\n"]);
});

test("a full piece is written without waiting for the timer", () => {
  const to = new Scripted();
  const writer = new LineWriter(to);
  writer.append(line(LINE_BYTES_MAX, "a"));
  writer.append(line(LINE_BYTES_MAX, "b"));
  assert.deepEqual(to.writes, [line(LINE_BYTES_MAX, "a")]);
});

test("a line longer than a piece is dropped and counted", async () => {
  const to = new Scripted();
  const writer = new LineWriter(to);
  writer.append(line(LINE_BYTES_MAX + 1));
  writer.append("short\n");
  await writer.flush();
  assert.deepEqual(to.writes, ["short\n"]);
  assert.equal(writer.dropped, 1);
});

test("a destination that never answers costs bounded memory, and the rest is counted", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const writer = new LineWriter(new Scripted("hang"));
  const fit = BUFFER_BYTES_MAX / LINE_BYTES_MAX;
  for (let i = 0; i < fit + 10; i++) writer.append(line(LINE_BYTES_MAX));
  assert.equal(writer.dropped, 9, "one piece is with the destination");
  const flushed = writer.flush();
  t.mock.timers.tick(1000);
  await flushed;
});

test("a partial write is continued where it stopped", async () => {
  const to = new Scripted(2, 1);
  const writer = new LineWriter(to);
  writer.append("abcdef\n");
  await writer.flush();
  assert.deepEqual(to.writes, ["ab", "c", "def\n"]);
  assert.equal(writer.dropped, 0);
});

test("a full pipe is tried again and loses nothing", async () => {
  const to = new Scripted("EAGAIN", "EAGAIN");
  const writer = new LineWriter(to);
  writer.append("kept\n");
  await writer.flush();
  assert.deepEqual(to.writes, ["kept\n"]);
  assert.equal(writer.dropped, 0);
});

for (const code of ["ENOSPC", "EPIPE"] as const) {
  test(`lines of a write that fails with ${code} are counted, and later lines are written`, async () => {
    const to = new Scripted(code);
    const writer = new LineWriter(to);
    writer.append("lost\n");
    writer.append("lost too\n");
    await writer.flush();
    assert.equal(writer.dropped, 2);
    writer.append("later\n");
    await writer.flush();
    assert.deepEqual(to.writes, ["later\n"]);
    assert.equal(writer.dropped, 2);
  });
}

test("flushSync writes what is left at once, and counts what cannot be written", () => {
  const to = new Scripted();
  const writer = new LineWriter(to);
  writer.append("last words\n");
  writer.flushSync();
  assert.deepEqual(to.writes, ["last words\n"]);

  const gone = new LineWriter(new Scripted("EPIPE"));
  gone.append("nobody reads\n");
  gone.flushSync();
  assert.equal(gone.dropped, 1);
});

test("a file gets every line", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "aigw-lines-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "access.log");
  const fd = openSync(file, "a");
  const writer = new LineWriter(fd);
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} ${"x".repeat(i % 100)}\n`);
  for (const each of lines) writer.append(each);
  await writer.flush();
  closeSync(fd);
  assert.equal(readFileSync(file, "utf8"), lines.join(""));
});

/** Appends lines, says so, and says at the end how many it could not write. */
const WRITER = `
  import { LineWriter } from ${JSON.stringify(new URL("./line-writer.ts", import.meta.url).href)};
  const writer = new LineWriter(1);
  const count = Number(process.argv[2]);
  for (let i = 0; i < count; i++) writer.append(process.argv[1] + ":" + i + ":" + "x".repeat(i % 900) + "\\n");
  process.stderr.write("appended ");
  await writer.flush();
  process.stderr.write("dropped " + writer.dropped + " ");
`;

/** Runs a shell script whose "$@" starts a writer; `go` ends a `read go` of the script. */
function runShell(t: TestContext, script: string) {
  const writer = [process.execPath, "--input-type=module", "-e", WRITER];
  const shell = spawn("/bin/sh", ["-c", script, "sh", ...writer], { stdio: ["pipe", "pipe", "pipe"] });
  t.after(() => shell.kill());
  return { stdout: shell.stdout, stderr: shell.stderr, go: () => shell.stdin.end("go\n") };
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

/** Resolves when a stream has brought a text so many times. */
async function seen(stream: Readable, text: string, times: number): Promise<void> {
  let all = "";
  while (all.split(text).length <= times) {
    const [chunk] = (await once(stream, "data")) as [Buffer];
    all += chunk.toString();
  }
}

for (const { name, script } of [
  { name: "pipe", script: '{ "$@" A 2000 & "$@" B 2000 & wait; } | { read go <&3; cat; }' },
  { name: "socket", script: '"$@" A 2000 & "$@" B 2000 & read go; wait' },
]) {
  test(`lines of two processes that share a full ${name} do not mix`, async (t) => {
    const { stdout, stderr, go } = runShell(t, `exec 3<&0; ${script}`);
    await seen(stderr, "appended", 2);
    go();
    const lines = (await textOf(stdout)).split("\n");
    for (const letter of ["A", "B"]) {
      const own = lines.filter((each) => each.startsWith(`${letter}:`));
      const wanted = Array.from({ length: 2000 }, (_, i) => `${letter}:${i}:${"x".repeat(i % 900)}`);
      assert.deepEqual(own, wanted);
    }
    assert.equal(lines.length, 4001);
  });
}

test("a pipe whose reader is gone costs lines, not the process", async (t) => {
  const script = 'exec 3<&0; { read go <&3; "$@" A 100; } | { exec 0<&-; echo closed; }';
  const { stdout, stderr, go } = runShell(t, script);
  await seen(stdout, "closed", 1);
  go();
  assert.equal(await textOf(stderr), "appended dropped 100 ");
});
