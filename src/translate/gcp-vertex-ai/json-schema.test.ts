import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError } from "../../errors/gateway-error.ts";
import { openApiSchema } from "./json-schema.ts";

describe("a JSON Schema for models before Gemini 2.5", () => {
  const cases = [
    {
      name: "loses what OpenAPI's subset has no word for",
      in: {
        type: "object",
        additionalProperties: false,
        $schema: "x",
        properties: { a: { type: "string", const: "b" } },
      },
      want: { type: "object", properties: { a: { type: "string" } } },
    },
    {
      name: "keeps properties that are named like keywords",
      in: { properties: { const: { type: "string" }, $ref: { type: "integer" } } },
      want: { properties: { const: { type: "string" }, $ref: { type: "integer" } } },
    },
    {
      name: "has references put in place",
      in: { $defs: { "a/b": { type: "string" } }, items: { $ref: "#/$defs/a~1b", description: "d" } },
      want: { items: { type: "string", description: "d" } },
    },
    {
      name: "has a type or null as nullable",
      in: { type: ["string", "null"] },
      want: { type: "string", nullable: true },
    },
    {
      name: "has several types as anyOf",
      in: { type: ["string", "integer", "null"] },
      want: { anyOf: [{ type: "string" }, { type: "integer" }], nullable: true },
    },
    {
      name: "has a schema or null as nullable",
      in: { title: "T", anyOf: [{ type: "string" }, { type: "null" }] },
      want: { title: "T", type: "string", nullable: true },
    },
    {
      name: "has several schemas or null as nullable",
      in: { anyOf: [{ type: "string" }, { type: "integer" }, { type: "null" }] },
      want: { anyOf: [{ type: "string" }, { type: "integer" }], nullable: true },
    },
    { name: "has allOf of one as that one", in: { allOf: [{ type: "string" }] }, want: { type: "string" } },
    { name: "takes true for anything", in: { properties: { a: true } }, want: { properties: { a: {} } } },
  ];
  for (const { name, in: schema, want } of cases) {
    it(name, () => assert.deepEqual(openApiSchema(schema, "p"), want));
  }

  const deep = JSON.parse(`${'{"items":'.repeat(150)}{}${"}".repeat(150)}`) as object;
  const refused = [
    { name: "what is no object", in: "string", want: /p: must be a JSON Schema object/ },
    {
      name: "a circle",
      in: { $defs: { a: { items: { $ref: "#/$defs/a" } } }, $ref: "#/$defs/a" },
      want: /refers to itself/,
    },
    { name: "a reference to nowhere", in: { $ref: "#/x/y" }, want: /nowhere in the schema/ },
    { name: "a reference elsewhere", in: { $ref: "https://example.com/s" }, want: /nowhere in the schema/ },
    { name: "allOf of two", in: { properties: { a: { allOf: [{}, {}] } } }, want: /p\.properties\.a: allOf/ },
    { name: "a list of items", in: { items: [{ type: "string" }] }, want: /p\.items: must be one schema/ },
    { name: "too many levels", in: deep, want: /nested deeper than 100/ },
  ];
  for (const { name, in: schema, want } of refused) {
    it(`is refused with ${name}`, () => {
      assert.throws(
        () => openApiSchema(schema, "p"),
        (error) => error instanceof GatewayError && error.code === "untranslatable" && want.test(error.message),
      );
    });
  }
});
