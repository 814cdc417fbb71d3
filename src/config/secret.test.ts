import assert from "node:assert/strict";
import { test } from "node:test";
import { format, inspect } from "node:util";
import { deserialize, serialize } from "node:v8";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { createLogger } from "../telemetry/logger.ts";
import { Secret } from "./secret.ts";

const CANARY = "sk-canary";
const secret = new Secret(CANARY);

function messaged(value: unknown): unknown {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(value);
  const received = receiveMessageOnPort(port2);
  port1.close();
  return received;
}

function logged(fields: Record<string, unknown>): string {
  const lines: string[] = [];
  for (const form of ["text", "json"] as const) {
    createLogger({ level: "debug", format: form, write: (line) => lines.push(line) }).debug("said", fields);
  }
  return lines.join();
}

function thrown(make: () => unknown): string {
  try {
    make();
    return "";
  } catch (error) {
    return inspect(error, { showHidden: true, depth: 9 });
  }
}

const WAYS: { name: string; shown: () => unknown }[] = [
  { name: "String", shown: () => String(secret) },
  { name: "a template", shown: () => `${secret}` },
  { name: "concatenation", shown: () => ["", secret].join("Bearer ") },
  { name: "addition", shown: () => `Bearer ${secret as unknown as string}` },
  { name: "comparison to a number", shown: () => Number(secret) },
  { name: "toLocaleString", shown: () => secret.toLocaleString() },
  { name: "valueOf", shown: () => inspect(secret.valueOf()) },
  { name: "JSON", shown: () => JSON.stringify({ deep: [{ secret }] }) },
  { name: "inspect", shown: () => inspect({ deep: { secret } }, { showHidden: true, depth: 9 }) },
  {
    name: "inspect without its own word",
    shown: () => inspect(secret, { showHidden: true, customInspect: false, getters: true }),
  },
  { name: "format", shown: () => format("%s %o %O %j %d %i", secret, secret, secret, secret, secret, secret) },
  { name: "keys and values", shown: () => [...Object.entries(secret), ...Reflect.ownKeys(secret)].join() },
  { name: "all properties", shown: () => inspect(Object.getOwnPropertyDescriptors(secret)) },
  { name: "spread", shown: () => inspect({ ...secret }) },
  { name: "assign", shown: () => inspect(Object.assign({}, secret)) },
  { name: "for in", shown: () => inspect(Object.fromEntries(Object.entries(secret))) },
  { name: "structured clone", shown: () => inspect(structuredClone({ secret }), { showHidden: true }) },
  { name: "a message to a worker", shown: () => inspect(messaged({ secret }), { showHidden: true, depth: 9 }) },
  {
    name: "serialization",
    shown: () => inspect([serialize({ secret }).toString("latin1"), deserialize(serialize(secret))]),
  },
  { name: "a log", shown: () => logged({ secret, deep: { secret }, list: [secret] }) },
  { name: "an error's message", shown: () => inspect(new Error(`not ${secret}`, { cause: secret })) },
  { name: "an error of its use", shown: () => thrown(() => (secret as unknown as () => void)()) },
  {
    name: "an assertion",
    shown: () => thrown(() => assert.deepEqual({ secret }, { secret: "another" })),
  },
  { name: "a URL", shown: () => new URL(`https://a.example/?key=${secret}`).href },
  { name: "search parameters", shown: () => String(new URLSearchParams({ key: secret as unknown as string })) },
  { name: "a header", shown: () => inspect(new Headers({ key: secret as unknown as string })) },
];

for (const { name, shown } of WAYS) {
  test(`a secret does not show itself by ${name}`, () => assert.doesNotMatch(String(shown()), /canary/));
}

test("a secret shows itself when asked by name", () => assert.equal(secret.reveal(), CANARY));

test("secrets look alike, whatever they are", () => {
  assert.equal(JSON.stringify(new Secret("a")), JSON.stringify(new Secret("b")));
  assert.equal(JSON.stringify(new Secret("a")), '"[REDACTED]"');
});
