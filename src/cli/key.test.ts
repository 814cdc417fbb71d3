import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { keyDigest } from "../caller-auth/prepare.ts";
import { parseResources } from "../resources/load.ts";
import { type KeyIo, makeKey, printHash } from "./key.ts";

const KEY = /^aigw_[\w-]{43}$/;

function io() {
  const out: string[] = [];
  const told: string[] = [];
  const surroundings: KeyIo = {
    print: (text) => out.push(text),
    explain: (text) => told.push(text),
    now: () => Date.UTC(2026, 0, 1),
  };
  return { ...surroundings, out: () => out.join(""), told: () => told.join("") };
}

function keysOf(text: string) {
  const { set, faults } = parseResources([{ name: "key.yaml", text }], {}, () => "");
  assert.deepEqual(faults, []);
  return set.ofKind("GatewayKey");
}

test("a key stands alone on the first line; what follows configures a gateway and has its hash only", async () => {
  const one = io();
  const options = { owner: "alice@example.com", team: "search", models: ["gpt-4o*"], expires: 90 * 86_400_000 };
  assert.equal(await makeKey({ name: "alice", ...options }, one), 0);
  const [key = "", ...rest] = one.out().split("\n");
  assert.match(key, KEY);
  assert.equal(rest.join("\n").includes(key), false);
  const [resource] = keysOf(rest.join("\n"));
  assert.deepEqual(resource?.spec, {
    hashes: [{ sha256: keyDigest(key) }],
    ...{ owner: "alice@example.com", team: "search", models: ["gpt-4o*"], expiresAt: "2026-04-01T00:00:00Z" },
    revoked: false,
  });
  assert.deepEqual([resource?.metadata.namespace, resource?.metadata.name], ["default", "alice"]);
});

test("as JSON there is one object", async () => {
  const one = io();
  await makeKey({ json: true }, one);
  const { key, resource } = JSON.parse(one.out());
  assert.match(key, KEY);
  assert.match(resource.metadata.name, /^key-[0-9a-f]{8}$/);
  assert.deepEqual(resource.spec, { hashes: [{ sha256: keyDigest(key) }] });
});

test("with a folder the GatewayKey is written there, for its owner alone, and the key is all that is printed", async (t) => {
  const parent = mkdtempSync(join(tmpdir(), "aigw-test-"));
  t.after(() => rmSync(parent, { recursive: true }));
  const folder = join(parent, "keys");
  const one = io();
  assert.equal(await makeKey({ name: "alice", owner: `\${HOME}`, out: folder }, one), 0);
  assert.match(one.out(), /^aigw_[\w-]{43}\n$/);
  assert.equal(one.told(), `GatewayKey default/alice is in ${folder}\n`);
  assert.deepEqual(readdirSync(folder), ["default.alice.yaml"]);
  const file = join(folder, "default.alice.yaml");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  // What looks like a variable of the environment is none.
  assert.equal(keysOf(readFileSync(file, "utf8"))[0]?.spec.owner, `\${HOME}`);

  const again = io();
  assert.equal(await makeKey({ name: "alice", out: folder }, again), 1);
  assert.deepEqual(
    [again.out(), again.told()],
    ["", "aigw: there is a key default/alice: rotate it, or take another name\n"],
  );
});

test("what is no GatewayKey is refused, and no key is printed", async () => {
  const one = io();
  assert.equal(await makeKey({ name: "No Name" }, one), 1);
  assert.equal(one.out(), "");
  assert.match(one.told(), /^aigw: GatewayKey default\/No Name: metadata\.name: must be /);
});

test("the hash of a key is what stands in a GatewayKey", () => {
  const one = io();
  assert.equal(printHash("aigw_test\n", one), 0);
  assert.equal(one.out(), "91e989cd390956afdf4ce9d581bfd953b1f83e0413a57c863dd5241d9bb016fc\n");
});

for (const input of ["", "\n", "two keys"]) {
  test(`${JSON.stringify(input)} is no key`, () => {
    const one = io();
    assert.equal(printHash(input, one), 1);
    assert.equal(one.out(), "");
  });
}
