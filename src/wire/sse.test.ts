import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { GatewayError } from "../errors/gateway-error.ts";
import { completeEvent, DataSearch, EVENT_BYTES_MAX, EventCursor, EventSplitter } from "./sse.ts";

interface Event {
  readonly type: string | undefined;
  readonly data: string;
}

/** The standard's parser, written for clearness: what the cursor must agree with. */
function parseByTheStandard(stream: string): Event[] {
  const events: Event[] = [];
  let type: string | undefined;
  let data: string[] = [];
  const lines = stream.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  // What follows the last line end is no line yet.
  for (const line of lines.slice(0, -1)) {
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (line === "") {
      if (data.length > 0) events.push({ type, data: data.join("\n") });
      type = undefined;
      data = [];
    } else if (field === "data") data.push(value);
    else if (field === "event") type = value;
  }
  return events;
}

function readAll(pieces: readonly Buffer[]): Event[] {
  const cursor = new EventCursor();
  const events: Event[] = [];
  for (const piece of pieces) {
    cursor.load(piece);
    while (cursor.next()) {
      const type =
        cursor.typeStart === -1 ? undefined : cursor.bytes.toString("utf8", cursor.typeStart, cursor.typeEnd);
      events.push({ type, data: cursor.data().toString() });
    }
  }
  return events;
}

/** Pushes a stream cut at the given places; the pieces that came out, and the rest. */
function split(stream: Buffer, cuts: readonly number[]): { pieces: Buffer[]; rest: Buffer } {
  const splitter = new EventSplitter();
  const pieces: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts, stream.length]) {
    // A copy, as the memory of a chunk is not shared with its neighbour's.
    pieces.push(Buffer.from(splitter.push(Buffer.from(stream.subarray(from, cut)))));
    from = cut;
  }
  return { pieces, rest: splitter.end() };
}

const everyByte = (stream: Buffer) => Array.from({ length: Math.max(0, stream.length - 1) }, (_, i) => i + 1);

describe("events of a stream", () => {
  const cases: { name: string; in: string; want: Event[] }[] = [
    { name: "LF", in: "data: a\n\ndata: b\n\n", want: [data("a"), data("b")] },
    { name: "CRLF", in: "data: a\r\n\r\ndata: b\r\n\r\n", want: [data("a"), data("b")] },
    { name: "CR", in: "data: a\r\rdata: b\r\r\n", want: [data("a"), data("b")] },
    {
      name: "mixed line ends",
      in: "data: a\n\r\ndata: b\r\n\ndata: c\r\ndata: d\r\n\n",
      want: [data("a"), data("b"), data("c\nd")],
    },
    { name: "no space after the colon", in: "data:a\n\ndata:  b\n\n", want: [data("a"), data(" b")] },
    { name: "several data lines", in: "data: {\ndata: }\n\n", want: [data("{\n}")] },
    { name: "data without a colon is an empty line", in: "data\ndata\n\n", want: [data("\n")] },
    { name: "a BOM at the start", in: "\uFEFFdata: a\n\ndata: \uFEFFb\n\n", want: [data("a"), data("\uFEFFb")] },
    { name: "comments and keep-alives", in: ": hi\n\n:\n\ndata: a\n: between\n\n\n\n", want: [data("a")] },
    { name: "other fields", in: "id: 1\nretry: 5\ndatax: no\neventdata\ndata: a\n\n", want: [data("a")] },
    { name: "a type", in: "event: ping\ndata: {}\n\ndata: a\n\n", want: [{ type: "ping", data: "{}" }, data("a")] },
    { name: "the last of several types", in: "event: a\nevent:b\ndata: {}\n\n", want: [{ type: "b", data: "{}" }] },
    { name: "a type without data is no event", in: "event: ping\n\ndata: a\n\n", want: [data("a")] },
    { name: "characters of several bytes", in: "data: žluťoučký 👍\n\n", want: [data("žluťoučký 👍")] },
  ];
  function data(text: string): Event {
    return { type: undefined, data: text };
  }

  for (const { name, in: input, want } of cases) {
    it(`reads ${name}, whole and cut at every byte`, () => {
      const stream = Buffer.from(input);
      assert.deepEqual(parseByTheStandard(input), want);
      for (const cuts of [[], everyByte(stream)]) {
        const { pieces, rest } = split(stream, cuts);
        assert.deepEqual(readAll(pieces), want);
        assert.equal(Buffer.concat([...pieces, rest]).compare(stream), 0);
      }
    });
  }

  it("are the same for any stream, however it is cut", () => {
    const line = fc.oneof(
      fc.constantFrom(
        "data",
        "data:",
        "data: ",
        "data: x",
        "data:{}",
        "event: a",
        "event:",
        ":",
        ": c",
        "id: 1",
        "",
        "",
        "",
      ),
      fc.string({ maxLength: 6, unit: fc.constantFrom("d", "a", "t", ":", " ", "é", "e") }),
    );
    const lineEnd = fc.constantFrom("\n", "\n", "\r\n", "\r");
    const stream = fc.array(fc.tuple(line, lineEnd), { maxLength: 14 }).map((lines) => lines.flat().join(""));
    fc.assert(
      fc.property(stream, fc.array(fc.nat({ max: 100 }), { maxLength: 8 }), fc.boolean(), (text, places, bom) => {
        const bytes = Buffer.from((bom ? "\uFEFF" : "") + text);
        const cuts = places.map((place) => Math.min(place, bytes.length)).sort((a, b) => a - b);
        const { pieces, rest } = split(bytes, cuts);
        assert.equal(Buffer.concat([...pieces, rest]).compare(bytes), 0);
        // A CR at the very end holds its event back to the end of the stream.
        assert.deepEqual(readAll([...pieces, rest]), parseByTheStandard(bytes.toString()));
        for (const piece of pieces) assert.match(piece.toString(), /^$|(^|\n|\r)(\n|\r\n|\r)$/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the splitter", () => {
  it("passes a chunk of whole events without a copy", () => {
    const chunk = Buffer.from("data: a\n\ndata: b\n\n");
    assert.equal(new EventSplitter().push(chunk), chunk);
  });

  it("takes plain byte arrays", () => {
    const chunk = new TextEncoder().encode("data: a\n\ndata:");
    assert.equal(new EventSplitter().push(chunk).toString(), "data: a\n\n");
  });

  it("refuses an event over the limit, in one chunk and in many", () => {
    const tooLarge = (error: unknown) => error instanceof GatewayError && error.code === "upstream_invalid";
    assert.throws(() => new EventSplitter().push(Buffer.alloc(EVENT_BYTES_MAX + 1, "x")), tooLarge);
    const splitter = new EventSplitter();
    const chunk = Buffer.alloc(EVENT_BYTES_MAX / 4, "x");
    for (let i = 0; i < 4; i++) assert.equal(splitter.push(chunk).length, 0);
    assert.throws(() => splitter.push(Buffer.from("x")), tooLarge);
  });

  it("takes time in proportion to a large event, not to its square", () => {
    for (const end of ["\n", "\r"]) {
      const splitter = new EventSplitter();
      const line = Buffer.from(`data: ${"x".repeat(57)}${end}`);
      const lines = 60_000;
      let out = 0;
      const started = process.cpuUsage().user;
      for (let i = 0; i < lines; i++) out += splitter.push(line).length;
      out += splitter.push(Buffer.from(`${end}:`)).length;
      assert.equal(out, lines * line.length + 1);
      // Going over all that is held for every line would take tens of seconds of this process's own time.
      assert.ok(process.cpuUsage().user - started < 2_000_000);
    }
  });
});

describe("an event at the end of a stream", () => {
  const cases = [
    { name: "without any line end", in: "data: a", want: "data: a\n\n" },
    { name: "with one LF", in: "data: a\n", want: "data: a\n\n" },
    { name: "with one CRLF", in: "data: a\r\n", want: "data: a\r\n\n" },
    { name: "with one CR", in: "data: a\r", want: "data: a\r\n\n" },
    { name: "with two CR", in: "data: a\r\r", want: "data: a\r\r" },
    { name: "with CRLF and CR", in: "data: a\r\n\r", want: "data: a\r\n\r" },
  ];
  for (const { name, in: input, want } of cases) {
    it(`is completed ${name}`, () => {
      const completed = completeEvent(Buffer.from(input));
      assert.equal(completed.toString(), want);
      assert.deepEqual(readAll([completed]), [{ type: undefined, data: "a" }]);
    });
  }
});

describe("the search in data", () => {
  const needle = Buffer.from('usage"');

  it("finds each place once, event by event", () => {
    const cursor = new EventCursor();
    const search = new DataSearch(needle);
    const found: boolean[] = [];
    for (const piece of ['data: {"usage":1}\n\ndata: {}\n\n', 'data: {"usage":2}\n\n']) {
      cursor.load(Buffer.from(piece));
      while (cursor.next()) found.push(search.after(cursor, cursor.dataStart) !== -1);
    }
    assert.deepEqual(found, [true, false, true]);
  });

  it("finds nothing outside the data", () => {
    const cursor = new EventCursor();
    cursor.load(Buffer.from('event: "usage"\ndata: {}\n: "usage"\n\n'));
    assert.ok(cursor.next());
    assert.equal(new DataSearch(needle).after(cursor, cursor.dataStart), -1);
  });
});
