import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ConnectionFault, HTTP2_ERROR } from "./frames.ts";
import { encodeField, HpackDecoder } from "./hpack.ts";
import { decodeHuffman } from "./huffman.ts";

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

function fields(text: string): [string, string][] {
  return text.split(" | ").map((field) => {
    const colon = field.indexOf(": ");
    return [field.slice(0, colon), field.slice(colon + 2)];
  });
}

const GET = ":method: GET | :scheme: http | :path: / | :authority: www.example.com";
const GET_SECURE = ":method: GET | :scheme: https | :path: /index.html | :authority: www.example.com";
const LOCATED = "location: https://www.example.com";
const COOKIE = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

/** RFC 7541 appendix C: blocks that follow each other on one connection. */
const APPENDIX_C = [
  {
    name: "C.2.1 literal with indexing",
    in: ["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"],
    want: ["custom-key: custom-header"],
  },
  { name: "C.2.2 literal without indexing", in: ["040c 2f73 616d 706c 652f 7061 7468"], want: [":path: /sample/path"] },
  {
    name: "C.2.3 literal never indexed",
    in: ["1008 7061 7373 776f 7264 0673 6563 7265 74"],
    want: ["password: secret"],
  },
  { name: "C.2.4 indexed", in: ["82"], want: [":method: GET"] },
  {
    name: "C.3 requests without Huffman coding",
    in: [
      "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "8286 84be 5808 6e6f 2d63 6163 6865",
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ],
    want: [GET, `${GET} | cache-control: no-cache`, `${GET_SECURE} | custom-key: custom-value`],
  },
  {
    name: "C.4 requests with Huffman coding",
    in: [
      "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
      "8286 84be 5886 a8eb 1064 9cbf",
      "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ],
    want: [GET, `${GET} | cache-control: no-cache`, `${GET_SECURE} | custom-key: custom-value`],
  },
  {
    name: "C.6 responses with Huffman coding and a table of 256 bytes",
    in: [
      "3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
      "4883 640e ffc1 c0bf",
      "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ],
    want: [
      `:status: 302 | cache-control: private | date: Mon, 21 Oct 2013 20:13:21 GMT | ${LOCATED}`,
      `:status: 307 | cache-control: private | date: Mon, 21 Oct 2013 20:13:21 GMT | ${LOCATED}`,
      `:status: 200 | cache-control: private | date: Mon, 21 Oct 2013 20:13:22 GMT | ${LOCATED} | content-encoding: gzip | set-cookie: ${COOKIE}`,
    ],
  },
];

describe("HPACK", () => {
  for (const { name, in: blocks, want } of APPENDIX_C) {
    it(`reads ${name}`, () => {
      const decoder = new HpackDecoder();
      const got = blocks.map((block) => [...decoder.decode(hex(block))].sort());
      assert.deepEqual(
        got,
        want.map((text) => fields(text).sort()),
      );
    });
  }

  it("reads what it writes", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,200}$/);
    const value = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 5 }), (list) => {
        const sent = new Map(list);
        const block = Buffer.concat([...sent].map(([key, text]) => encodeField(key, text)));
        assert.deepEqual(new HpackDecoder().decode(block), sent);
      }),
    );
  });

  it("joins the values of one name", () => {
    const block = Buffer.concat([encodeField("a", "1"), encodeField("b", "2"), encodeField("a", "3")]);
    assert.deepEqual([...new HpackDecoder().decode(block)], fields("a: 1,3 | b: 2"));
  });

  it("knows when blocks mean the same whenever they come", () => {
    const decoder = new HpackDecoder();
    const seen = [decoder.stateless];
    decoder.forbidTable();
    seen.push(decoder.stateless);
    decoder.decode(hex("20 82"));
    seen.push(decoder.stateless);
    // Indexing into a table of size 0 leaves nothing behind (RFC 7541 section 4.4).
    decoder.decode(hex("400161 0162"));
    assert.throws(() => decoder.decode(hex("be")), ConnectionFault);
    assert.deepEqual(seen, [false, false, true]);
  });

  const HOSTILE = [
    { name: "entry 0", in: "80", want: HTTP2_ERROR.compression },
    { name: "an entry behind the tables", in: "be", want: HTTP2_ERROR.compression },
    { name: "a name behind the tables", in: "7f00 0161", want: HTTP2_ERROR.compression },
    { name: "an integer without an end", in: "ff80 8080 8080 8001", want: HTTP2_ERROR.compression },
    { name: "an integer of more than 28 bits", in: "ffff ffff ff0f", want: HTTP2_ERROR.compression },
    { name: "an integer cut off", in: "ff80", want: HTTP2_ERROR.compression },
    { name: "a string cut off", in: "0003 6162", want: HTTP2_ERROR.compression },
    { name: "a value cut off", in: "0001 61", want: HTTP2_ERROR.compression },
    { name: "Huffman padding that is not ones", in: "0081 1801 61", want: HTTP2_ERROR.compression },
    { name: "Huffman padding of a whole byte", in: "0082 1fff 0161", want: HTTP2_ERROR.compression },
    { name: "the end-of-string symbol", in: "0084 ffff fffc 0161", want: HTTP2_ERROR.compression },
    { name: "a table larger than allowed", in: "3fe2 1f", want: HTTP2_ERROR.compression },
    { name: "a table size update behind a field", in: "8220", want: HTTP2_ERROR.compression },
    {
      name: "a list that grows by what it refers to",
      // An entry of 1,000 bytes, and references to it.
      in: `4001 617f e906${"62".repeat(1000)}${"be".repeat(100)}`,
      want: HTTP2_ERROR.enhanceYourCalm,
    },
  ];
  for (const { name, in: block, want } of HOSTILE) {
    it(`refuses ${name}`, () => {
      assert.throws(() => new HpackDecoder().decode(hex(block)), { code: want });
    });
  }
});

describe("Huffman coding", () => {
  it("reads the shortest and the longest codes", () => {
    // "0" is 00000, byte 10 is 28 ones and 00 (appendix B).
    assert.equal(decodeHuffman(Buffer.of(0b00000_111)), "0");
    assert.equal(decodeHuffman(Buffer.of(0xff, 0xff, 0xff, 0b11110011)), "\n");
    assert.equal(decodeHuffman(Buffer.alloc(0)), "");
  });
});
