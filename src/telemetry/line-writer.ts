/** Lines to a file descriptor without waiting: bounded memory, written elsewhere, dropped and counted when it cannot be. */
import { constants, fstatSync, openSync, write, writeSync } from "node:fs";

/** Longest line in bytes with its newline, and the piece a pipe is given at once: up to PIPE_BUF, which is 4,096 on
 * Linux, what several processes write to one pipe does not mix (https://man7.org/linux/man-pages/man7/pipe.7.html). */
export const LINE_BYTES_MAX = 4096;

/** Piece given to a file at once; appends of several processes do not mix there. A write goes through the thread pool, whose
 * share of a line that wrote 64 KiB at a time was twice what it is with this. */
const FILE_PIECE_BYTES = 256 * 1024;

/** Memory for lines that are not written yet. */
export const BUFFER_BYTES_MAX = 4 * 1024 * 1024;

/** Longest a line stays in memory while the destination takes what it is given. */
const FLUSH_INTERVAL_MS = 100;

/** When a pipe that was full is tried again; twice as long each time that it still is. A slow reader frees 64 KiB within
 * a millisecond, one that has stopped should not keep the process awake. */
const RETRY_MIN_MS = 1;
const RETRY_MAX_MS = 128;

/** Longest that {@link LineWriter.flush} waits for a destination that takes nothing. */
const FLUSH_WAIT_MAX_MS = 1000;

/** Where the bytes go; a test stands in for it. */
export interface Destination {
  /** Bytes it takes at once without mixing them with those of others; at least {@link LINE_BYTES_MAX}. */
  readonly pieceBytes: number;
  write(
    bytes: Buffer,
    start: number,
    end: number,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ): void;
  writeSync(bytes: Buffer, start: number, end: number): number;
}

/** A piece of whole lines. */
interface Piece {
  readonly bytes: Buffer;
  used: number;
  lines: number;
  /** What a partial write has taken. */
  written: number;
}

/** Appends lines to a destination; never throws and never waits. */
export class LineWriter {
  readonly #destination: Destination;
  readonly #piecesMax: number;
  /** Full pieces, oldest first. */
  readonly #full: Piece[] = [];
  /** The piece being filled. */
  #current: Piece;
  /** The piece being written, or to be written again. */
  #sending: Piece | undefined;
  #isWriting = false;
  /** The destination was full a moment ago. */
  #isBlocked = false;
  #retryMs = RETRY_MIN_MS;
  /** A written piece, to be filled again. */
  #spare: Piece | undefined;
  readonly #timer: NodeJS.Timeout;
  #isTimerSet = false;
  readonly #waiting: (() => void)[] = [];
  #dropped = 0;
  readonly #onWritten = (error: NodeJS.ErrnoException | null, written: number): void => this.#settle(error, written);

  /** @param destination A file descriptor, or what stands in for one. */
  constructor(destination: number | Destination) {
    this.#destination = typeof destination === "number" ? descriptor(destination) : destination;
    this.#piecesMax = Math.floor(BUFFER_BYTES_MAX / this.#destination.pieceBytes);
    this.#current = this.#newPiece();
    this.#timer = setTimeout(() => this.#onTimer(), FLUSH_INTERVAL_MS).unref();
  }

  /** Lines that were given up: no room, too long, or not taken by the destination. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a line that ends with its newline. */
  append(line: string): void {
    const bytes = Buffer.from(line);
    this.appendBytes(bytes, bytes.length);
  }

  /** Takes the first `length` bytes as a line that ends with its newline; copies them. */
  appendBytes(line: Uint8Array, length: number): void {
    const room = this.#current.bytes.length - this.#current.used;
    if (length > LINE_BYTES_MAX || (length > room && !this.#rotate())) {
      this.#dropped++;
      return;
    }
    const piece = this.#current;
    piece.bytes.set(line.subarray(0, length), piece.used);
    piece.used += length;
    piece.lines++;
    this.#setTimer();
  }

  #setTimer(): void {
    if (this.#isTimerSet) return;
    this.#isTimerSet = true;
    this.#timer.refresh();
  }

  /** Resolves when everything appended so far is written or given up, after a second at the latest. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      const giveUp = setTimeout(resolve, FLUSH_WAIT_MAX_MS);
      this.#waiting.push(() => {
        clearTimeout(giveUp);
        resolve();
      });
      this.#send();
    });
  }

  /** Writes what is left before the process ends; the only method that may wait. */
  flushSync(): void {
    const left = this.#isWriting ? this.#full.splice(0) : this.#takeAll();
    for (const piece of [...left, this.#current]) {
      try {
        while (piece.written < piece.used) {
          piece.written += this.#destination.writeSync(piece.bytes, piece.written, piece.used);
        }
      } catch {
        // The destination is gone or full, and so is the time to tell anyone but the counter.
        this.#dropped += piece.lines;
      }
    }
    this.#current = this.#newPiece();
  }

  #takeAll(): Piece[] {
    const pieces = this.#full.splice(0);
    if (this.#sending !== undefined) pieces.unshift(this.#sending);
    this.#sending = undefined;
    return pieces;
  }

  /** Puts an empty piece in the place of the current one; false when memory is used up. */
  #rotate(): boolean {
    if (this.#full.length + 2 > this.#piecesMax) return false;
    this.#full.push(this.#current);
    this.#current = this.#newPiece();
    this.#send();
    return true;
  }

  #newPiece(): Piece {
    const spare = this.#spare;
    if (spare === undefined) {
      return { bytes: Buffer.allocUnsafeSlow(this.#destination.pieceBytes), used: 0, lines: 0, written: 0 };
    }
    this.#spare = undefined;
    return spare;
  }

  #onTimer(): void {
    this.#isTimerSet = false;
    this.#send();
  }

  /** Writes the oldest piece unless a write is under way. */
  #send(): void {
    if (this.#isWriting || this.#isBlocked) return;
    this.#sending ??= this.#full.shift() ?? this.#takeCurrent();
    const piece = this.#sending;
    if (piece === undefined) {
      for (const resolve of this.#waiting.splice(0)) resolve();
      return;
    }
    this.#isWriting = true;
    this.#destination.write(piece.bytes, piece.written, piece.used, this.#onWritten);
  }

  #takeCurrent(): Piece | undefined {
    if (this.#current.used === 0) return undefined;
    const piece = this.#current;
    this.#current = this.#newPiece();
    return piece;
  }

  #settle(error: NodeJS.ErrnoException | null, written: number): void {
    this.#isWriting = false;
    const piece = this.#sending;
    if (piece === undefined) return;
    if (error?.code === "EAGAIN") {
      this.#isBlocked = true;
      setTimeout(() => {
        this.#isBlocked = false;
        this.#send();
      }, this.#retryMs).unref();
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
      return;
    }
    this.#retryMs = RETRY_MIN_MS;
    if (error === null) {
      piece.written += written;
      if (piece.written < piece.used) {
        this.#send();
        return;
      }
    } else {
      this.#dropped += piece.lines;
    }
    this.#sending = undefined;
    piece.used = 0;
    piece.lines = 0;
    piece.written = 0;
    this.#spare = piece;
    if (this.#full.length > 0 || this.#waiting.length > 0) this.#send();
    // A timer that fired during this write did nothing: lines that came meanwhile need another.
    else if (this.#current.used > 0) this.#setTimer();
  }
}

function descriptor(fd: number): Destination {
  const asynchronous: Destination = {
    pieceBytes: LINE_BYTES_MAX,
    write: (bytes, start, end, done) => write(fd, bytes, start, end - start, null, done),
    writeSync: (bytes, start, end) => writeSync(fd, bytes, start, end - start),
  };
  try {
    const stat = fstatSync(fd);
    if (stat.isFIFO()) return nonBlockingPipe(fd);
    return stat.isFile() || stat.isCharacterDevice() ? { ...asynchronous, pieceBytes: FILE_PIECE_BYTES } : asynchronous;
  } catch {
    // A pipe that cannot be opened once more (no /proc, another owner), or a descriptor that is not open: writes that
    // fail are counted.
    return asynchronous;
  }
}

/**
 * A second opening of a pipe, because only that can be made non-blocking without changing it for everyone who shares it
 * (https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html). A write then costs a system call; through the thread pool
 * it would cost a turn of the event loop, and a pipe that nobody reads would keep a thread that name look-ups need.
 */
function nonBlockingPipe(fd: number): Destination {
  const own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  const write = (bytes: Buffer, start: number, end: number) => writeSync(own, bytes, start, end - start);
  return {
    pieceBytes: LINE_BYTES_MAX,
    write(bytes, start, end, done) {
      try {
        process.nextTick(done, null, write(bytes, start, end));
      } catch (error) {
        process.nextTick(done, error, 0);
      }
    },
    writeSync: write,
  };
}
