import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MultipartError, MultipartForm, PART_HEADER_BYTES_MAX, PARTS_MAX, readBoundary } from "./multipart.ts";

/** A part with its delimiter before it. */
function part(headers: string, content: string): string {
  return `--b\r\n${headers}\r\n\r\n${content}\r\n`;
}

function field(name: string, content: string): string {
  return part(`Content-Disposition: form-data; name="${name}"`, content);
}

const END = "--b--\r\n";
const MODEL = field("model", "m");
const FILE = part('content-disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav', "RIFF\0");

function read(text: string): MultipartForm {
  return new MultipartForm(Buffer.from(text, "latin1"), "b");
}

describe("the boundary of a content type", () => {
  const cases: { name: string; in: string; want: string | undefined }[] = [
    { name: "a token", in: "multipart/form-data; boundary=abc", want: "abc" },
    {
      name: "without space",
      in: "multipart/form-data;boundary=----WebKitFormBoundaryX",
      want: "----WebKitFormBoundaryX",
    },
    { name: "quoted", in: 'multipart/form-data; boundary="a b:c?d"', want: "a b:c?d" },
    { name: "in other case", in: "Multipart/Form-Data; Boundary=abc", want: "abc" },
    { name: "beside others", in: 'multipart/form-data; charset=utf-8; boundary="abc"; x=y;', want: "abc" },
    { name: "absent", in: "multipart/form-data", want: undefined },
    { name: "absent beside others", in: "multipart/form-data; charset=utf-8", want: undefined },
    { name: "empty", in: "multipart/form-data; boundary=", want: undefined },
    { name: "empty in quotes", in: 'multipart/form-data; boundary=""', want: undefined },
    { name: "with a space at its end", in: 'multipart/form-data; boundary="a "', want: undefined },
    { name: "longer than 70 characters", in: `multipart/form-data; boundary=${"a".repeat(71)}`, want: undefined },
    { name: "given twice", in: "multipart/form-data; boundary=a; boundary=b", want: undefined },
    { name: "encoded", in: "multipart/form-data; boundary*=utf-8''a; boundary=b", want: undefined },
    { name: "with an open quote", in: 'multipart/form-data; boundary="a', want: undefined },
    { name: "with a quote inside", in: 'multipart/form-data; boundary="a\\"b"', want: undefined },
    { name: "with text after its quotes", in: 'multipart/form-data; boundary="a"b', want: undefined },
  ];
  for (const { name, in: contentType, want } of cases) {
    it(`is read: ${name}`, () => assert.equal(readBoundary(contentType), want));
  }
});

describe("a form is read", () => {
  const cases: { name: string; in: string; want: [name: string, content: string][] }[] = [
    { name: "with a field", in: MODEL + END, want: [["model", "m"]] },
    {
      name: "with a file",
      in: FILE + MODEL + END,
      want: [
        ["file", "RIFF\0"],
        ["model", "m"],
      ],
    },
    { name: "with nothing in it", in: END, want: [] },
    { name: "with an empty value", in: field("model", "") + END, want: [["model", ""]] },
    { name: "with an empty line before it", in: `\r\n${MODEL}${END}`, want: [["model", "m"]] },
    { name: "without a line end after it", in: `${MODEL}--b--`, want: [["model", "m"]] },
    { name: "with text after its end", in: `${MODEL}${END}--b\r\nanything`, want: [["model", "m"]] },
    { name: "with padding after boundaries", in: `--b \t\r\n${MODEL.slice(5)}--b-- \r\n`, want: [["model", "m"]] },
    { name: "with line ends in a value", in: field("x", "a\r\n\r\nb\r\n") + END, want: [["x", "a\r\n\r\nb\r\n"]] },
    { name: "with dashes in a value", in: field("x", "a--b--\r\n-b") + END, want: [["x", "a--b--\r\n-b"]] },
    {
      name: "with a bare name",
      in: part("Content-Disposition: form-data; name=model", "m") + END,
      want: [["model", "m"]],
    },
    {
      name: "with escapes in a file's name",
      in: part('content-disposition: form-data; filename="a\\"\\b;name=x"; name="f"', "x") + END,
      want: [["f", "x"]],
    },
    {
      name: "with UTF-8 in names and values",
      in: Buffer.from(field("čaj", "é") + END).toString("latin1"),
      want: [["čaj", "é"]],
    },
  ];
  for (const { name, in: body, want } of cases) {
    it(name, () => {
      const { parts, bytes } = read(body);
      assert.deepEqual(
        parts.map((one) => [one.name, bytes.subarray(one.start, one.end).toString()]),
        want,
      );
    });
  }
});

describe("a form is refused", () => {
  const cases: { name: string; in: string; want: RegExp }[] = [
    { name: "when it is empty", in: "", want: /does not begin with the boundary/ },
    { name: "with text before it", in: `x\r\n${MODEL}${END}`, want: /does not begin with the boundary/ },
    { name: "with another boundary", in: `--c\r\n\r\n\r\n--c--`, want: /does not begin with the boundary/ },
    { name: "with a longer boundary", in: `--bb\r\n\r\n\r\n--bb--`, want: /text after the boundary/ },
    {
      name: "with a longer boundary in between",
      in: `${field("x", "a\r\n--bc")}${END}`,
      want: /text after the boundary/,
    },
    { name: "without an end", in: MODEL, want: /ends before its last boundary/ },
    { name: "when it is cut in a part", in: MODEL.slice(0, -3), want: /ends before its last boundary/ },
    { name: "with an unfinished end", in: `${MODEL}--b-`, want: /text after the boundary/ },
    { name: "with text behind its end's dashes", in: `${MODEL}--b--x`, want: /text after the boundary/ },
    { name: "with a bare LF before a boundary", in: `${field("x", "a\n--b\r\n\r\nb")}${END}`, want: /bare line end/ },
    { name: "with a bare CR before a boundary", in: `${field("x", "a\r--b\r\n\r\nb")}${END}`, want: /bare line end/ },
    { name: "with LF for line ends", in: MODEL.replaceAll("\r", "") + END, want: /text after the boundary/ },
    { name: "with a part without headers", in: `--b\r\nm\r\n${END}`, want: /no end of its headers/ },
    {
      name: "with a part that has no disposition",
      in: part("content-type: text/plain", "m") + END,
      want: /no form field/,
    },
    {
      name: "with an attachment",
      in: part('content-disposition: attachment; name="x"', "m") + END,
      want: /no form field/,
    },
    { name: "with a nameless part", in: part("content-disposition: form-data", "m") + END, want: /no plain name/ },
    {
      name: "with two dispositions",
      in: part('content-disposition: form-data; name="x"\r\nContent-Disposition: form-data; name="model"', "m") + END,
      want: /two headers content-disposition/,
    },
    {
      name: "with two names in a part",
      in: part('content-disposition: form-data; name="x"; name="model"', "m") + END,
      want: /no plain name/,
    },
    {
      name: "with an encoded name",
      in: part("content-disposition: form-data; name=x; name*=utf-8''model", "m") + END,
      want: /no plain name/,
    },
    {
      name: "with a continued name",
      in: part("content-disposition: form-data; name*0=mo; name*1=del", "m") + END,
      want: /no plain name/,
    },
    { name: "with a backslash in a name", in: field("mod\\el", "m") + END, want: /no plain name/ },
    {
      name: "with an open quote",
      in: part('content-disposition: form-data; name="model', "m") + END,
      want: /no plain name/,
    },
    {
      name: "with a folded header",
      in: part('content-disposition: form-data;\r\n name="model"', "m") + END,
      want: /header of a part is malformed/,
    },
    {
      name: "with a bare LF in a header",
      in: part('x: y\ncontent-disposition: form-data; name="model"', "m") + END,
      want: /header of a part is malformed/,
    },
    {
      name: "with space before a header's colon",
      in: part('content-disposition : form-data; name="model"', "m") + END,
      want: /header of a part is malformed/,
    },
    {
      name: "with too long headers",
      in: part(`x: ${"y".repeat(PART_HEADER_BYTES_MAX)}\r\ncontent-disposition: form-data; name=x`, "m") + END,
      want: /no end of its headers/,
    },
    { name: "with too many parts", in: MODEL.repeat(PARTS_MAX + 1) + END, want: /more than 1000 parts/ },
  ];
  for (const { name, in: body, want } of cases) {
    it(name, () =>
      assert.throws(
        () => read(body),
        (error) => error instanceof MultipartError && want.test(error.message),
      ),
    );
  }
});

describe("a text field", () => {
  const cases: { name: string; in: string; want: string | undefined | RegExp }[] = [
    { name: "is its content", in: field("model", " m "), want: " m " },
    { name: "is absent", in: FILE, want: undefined },
    { name: "is absent when only one in other case is there", in: field("Model", "m"), want: undefined },
    { name: "must not be there twice", in: MODEL + MODEL, want: /given twice/ },
    { name: "must not be there twice in other case", in: MODEL + field("MODEL", "x"), want: /given twice/ },
    { name: "must not be a file", in: FILE.replace('"file"', '"model"'), want: /must be a short text/ },
    { name: "must not be long", in: field("model", "m".repeat(5000)), want: /must be a short text/ },
    { name: "must be UTF-8", in: field("model", "\xff"), want: /must be a short text/ },
    {
      name: "must not be encoded",
      in: part('content-disposition: form-data; name="model"\r\ncontent-transfer-encoding: quoted-printable', "m=3D"),
      want: /must be a short text/,
    },
    {
      name: "may say that it is not encoded",
      in: part('content-disposition: form-data; name="model"\r\ncontent-transfer-encoding: 8bit', "m"),
      want: "m",
    },
  ];
  for (const { name, in: body, want } of cases) {
    it(name, () => {
      const get = () => read(body + END).text("model");
      if (want instanceof RegExp) assert.throws(get, want);
      else assert.equal(get(), want);
    });
  }
});

describe("an edit", () => {
  it("changes the field's bytes and no others", () => {
    const edited = read(FILE + MODEL + FILE + END).withText("model", "gpt-real");
    assert.equal(Buffer.from(edited).toString("latin1"), FILE + field("model", "gpt-real") + FILE + END);
  });

  it("adds a field that is not there", () => {
    const edited = new MultipartForm(read(FILE + END).withText("model", "gpt-real"), "b");
    assert.deepEqual(
      edited.parts.map(({ name }) => name),
      ["file", "model"],
    );
    assert.equal(edited.text("model"), "gpt-real");
  });

  it("gives back what was sent, for any content of any parts", () => {
    const content = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
    const contents = fc.array(fc.oneof(content, fc.constantFrom("\r\n", "--b", "\r", "\n--", "b--")), { maxLength: 5 });
    fc.assert(
      fc.property(contents, fc.constantFrom("x", "", "\u20ac"), (values, model) => {
        const safe = values.filter((value) => !/(^|[\r\n])--b/.test(value));
        const body = `${safe.map((value, i) => field(`f${i}`, value)).join("")}${MODEL}${END}`;
        const form = new MultipartForm(read(body).withText("model", model), "b");
        const got = form.parts.map(({ start, end }) => form.bytes.subarray(start, end).toString("latin1"));
        assert.deepEqual(got, [...safe, Buffer.from(model).toString("latin1")]);
      }),
    );
  });

  it("throws nothing but MultipartError, whatever the bytes are", () => {
    const sample = FILE + MODEL + END;
    fc.assert(
      fc.property(fc.nat(sample.length - 1), fc.nat(255), fc.nat(sample.length), (at, byte, length) => {
        const bytes = Buffer.from(sample, "latin1");
        bytes[at] = byte;
        try {
          new MultipartForm(bytes.subarray(0, length), "b").text("model");
        } catch (error) {
          if (!(error instanceof MultipartError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
