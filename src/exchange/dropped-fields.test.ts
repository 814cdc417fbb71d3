import assert from "node:assert/strict";
import { test } from "node:test";
import { testRecord } from "../telemetry/test-record.ts";
import type { Translator } from "../translate/translator.ts";
import { HeaderMap } from "../wire/headers.ts";
import { DROPPED_FIELDS_HEADER, noteDroppedFields, tellDroppedFields } from "./dropped-fields.ts";
import type { Exchange } from "./exchange.ts";

function exchange(strictTranslation: boolean, droppedFields = ""): Exchange {
  return { match: { route: { strictTranslation } }, record: testRecord({ droppedFields }) } as Exchange;
}

function having(...losses: string[]): Translator {
  return { losses } as unknown as Translator;
}

function told(droppedFields: string): string | undefined {
  const headers = new HeaderMap();
  tellDroppedFields(exchange(false, droppedFields), headers);
  return headers.get(DROPPED_FIELDS_HEADER);
}

test("what was dropped is noted, and forgotten when a further attempt drops nothing", () => {
  const one = exchange(false);
  noteDroppedFields(one, having("seed", "messages[0].name"));
  assert.equal(one.record.droppedFields, "seed, messages[0].name");
  noteDroppedFields(one, having());
  assert.equal(one.record.droppedFields, "");
});

test("a strict route refuses what would be dropped, and says what", () => {
  noteDroppedFields(exchange(true), having());
  assert.throws(() => noteDroppedFields(exchange(true), having("seed", "logit_bias")), {
    code: "untranslatable",
    message: "invalid request body: the backend cannot be told these fields, and the route is strict: seed, logit_bias",
  });
});

const cases = [
  { name: "names the fields", in: "seed, logit_bias", want: "seed, logit_bias" },
  { name: "is left out when nothing was dropped", in: "", want: undefined },
  { name: "has no character that ends a header or is none of ASCII", in: "a\r\nb: ü, c\u0000", want: "a??b: ?, c?" },
  {
    name: "is cut between two fields",
    in: Array.from({ length: 300 }, () => "field").join(", "),
    want: `${Array.from({ length: 145 }, () => "field").join(", ")}, ...`,
  },
  { name: "is cut to nothing when the first field is too long", in: "f".repeat(2000), want: "..." },
];
for (const { name, in: fields, want } of cases) {
  test(`the header ${name}`, () => {
    assert.equal(told(fields), want);
    assert.ok((want ?? "").length <= 1024);
  });
}
