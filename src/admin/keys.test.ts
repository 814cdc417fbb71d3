import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { keyDigest } from "../caller-auth/prepare.ts";
import { parseResources } from "../resources/load.ts";
import { createLogger } from "../telemetry/logger.ts";
import { KeyFolder } from "./key-folder.ts";
import { startAdmin } from "./server.ts";

const DAY_MS = 86_400_000;

interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

async function start(t: TestContext, { managed = true, refusal = undefined as string | undefined } = {}) {
  const path = mkdtempSync(join(tmpdir(), "aigw-test-"));
  t.after(() => rmSync(path, { recursive: true }));
  const clock = { now: Date.UTC(2026, 0, 1) };
  const folder = new KeyFolder(path, () => clock.now);
  const logged: string[] = [];
  const admin = await startAdmin({
    port: 0,
    log: createLogger({ level: "info", format: "text", write: (line) => logged.push(line), now: () => 0 }),
    metrics: () => [],
    isReady: () => true,
    status: () => ({ config: undefined, listeners: [], resources: [], refused: undefined }),
    keys: managed ? { folder, check: async () => refusal } : undefined,
  });
  t.after(() => admin.close());
  const ask = async (target: string, { method = "GET", body, headers = {} }: Asked = {}) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const json: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
    const options = { port: admin.port, host: "127.0.0.1", path: target, method, headers: { ...json, ...headers } };
    return new Promise<{ status: number | undefined; allow: string | undefined; document: Record<string, unknown> }>(
      (resolve, reject) => {
        const asked = request({ ...options, agent: false }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => {
            const answer = Buffer.concat(chunks).toString();
            const document = answer.startsWith("{") ? JSON.parse(answer) : { text: answer };
            resolve({ status: response.statusCode, allow: response.headers.allow, document });
          });
        });
        asked.on("error", reject);
        asked.end(text);
      },
    );
  };
  /** The GatewayKeys that the folder configures. */
  const configured = () => {
    const { set, faults } = parseResources(folder.read(), {}, () => "");
    assert.deepEqual(faults, []);
    return set.ofKind("GatewayKey").map(({ spec }) => spec);
  };
  return { ask, configured, path, clock, folder, logged };
}

const ALICE = { name: "alice", owner: "alice@example.com", team: "search", models: ["gpt-4o*"] };

test("a key is made: it is told once, and its file configures the gateway", async (t) => {
  const { ask, configured, path, logged } = await start(t);
  const { status, document } = await ask("/keys", { method: "POST", body: ALICE });
  assert.equal(status, 201);
  assert.deepEqual({ ...document, key: "" }, { namespace: "default", name: "alice", key: "" });
  const key = String(document["key"]);
  assert.match(key, /^aigw_[\w-]{43}$/);
  const { name: _, ...spec } = ALICE;
  assert.deepEqual(configured(), [{ hashes: [{ sha256: keyDigest(key) }], ...spec, revoked: false }]);
  assert.deepEqual(readdirSync(path), ["default.alice.yaml"]);
  assert.equal(statSync(join(path, "default.alice.yaml")).mode & 0o777, 0o600);
  assert.equal((readFileSync(join(path, "default.alice.yaml"), "utf8") + logged.join("")).includes(key), false);
});

test("keys are listed without their hashes", async (t) => {
  const { ask } = await start(t);
  await ask("/keys", { method: "POST", body: ALICE });
  const { status, document } = await ask("/keys");
  assert.equal(status, 200);
  assert.deepEqual(document, { keys: [{ namespace: "default", ...ALICE, revoked: false, secrets: [{}] }] });
});

test("a rotated key has two secrets, the old one until its time", async (t) => {
  const { ask, configured, clock } = await start(t);
  const first = await ask("/keys", { method: "POST", body: ALICE });
  const second = await ask("/keys/default/alice/rotate", { method: "POST", body: { keepOldFor: "24h" } });
  assert.equal(second.status, 200);
  const hash = (key: unknown) => keyDigest(String(key));
  const old = { sha256: hash(first.document["key"]), expiresAt: new Date(clock.now + DAY_MS).toISOString() };
  assert.deepEqual(configured()[0]?.hashes, [old, { sha256: hash(second.document["key"]) }]);

  clock.now += DAY_MS;
  const third = await ask("/keys/default/alice/rotate", { method: "POST", body: { keepOldFor: "0s" } });
  assert.deepEqual(configured()[0]?.hashes, [{ sha256: hash(third.document["key"]) }]);
});

test("a revoked key stays in its file", async (t) => {
  const { ask, configured } = await start(t);
  await ask("/keys", { method: "POST", body: ALICE });
  for (let time = 0; time < 2; time++) {
    const { status, document } = await ask("/keys/default/alice", { method: "DELETE" });
    assert.deepEqual([status, document], [200, { namespace: "default", name: "alice", revoked: true }]);
  }
  assert.equal(configured()[0]?.revoked, true);
  const { status } = await ask("/keys/default/alice/rotate", { method: "POST", body: {} });
  assert.equal(status, 409);
});

test("files that people write keep their comments and what else is in them", async (t) => {
  const { ask, path } = await start(t);
  const other = "# of ours\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\n";
  const mine = `# mine\napiVersion: aigw.dev/v1alpha1\nkind: GatewayKey\nmetadata: { name: me }\nspec:\n  hashes: [ { sha256: ${"a".repeat(64)} } ]\n`;
  writeFileSync(join(path, "own.yaml"), `${other}---\n${mine}`);
  await ask("/keys/default/me", { method: "DELETE" });
  assert.equal(readFileSync(join(path, "own.yaml"), "utf8"), `${other}---\n${mine}  revoked: true\n`);
});

const POST = { method: "POST", body: ALICE };

for (const { name, path = "/keys", asked, want, error } of [
  { name: "another namespace of the same name", asked: { ...POST, body: { ...ALICE, namespace: "other" } }, want: 201 },
  { name: "a name that is taken", asked: POST, want: 409, error: /there is a key default\/alice/ },
  { name: "a name that is a path", asked: { ...POST, body: { name: "../x" } }, want: 400, error: /metadata\.name/ },
  { name: "a namespace that is a path", asked: { ...POST, body: { namespace: ".." } }, want: 400, error: /namespace/ },
  { name: "a name that is a number", asked: { ...POST, body: { name: 1 } }, want: 400, error: /^name: must be a text/ },
  { name: "a field there is not", asked: { ...POST, body: { admin: true } }, want: 400, error: /admin/ },
  { name: "a hash", asked: { ...POST, body: { hashes: [] } }, want: 400, error: /^hashes: must not be given/ },
  { name: "an end that is no time", asked: { ...POST, body: { expiresAt: "soon" } }, want: 400, error: /expiresAt/ },
  { name: "a list", asked: { ...POST, body: [] }, want: 400, error: /JSON object/ },
  { name: "no JSON", asked: { ...POST, body: "{" }, want: 400, error: /not JSON/ },
  { name: "a body that is huge", asked: { ...POST, body: { owner: "x".repeat(70_000) } }, want: 413, error: /larger/ },
  {
    name: "a form",
    asked: { ...POST, headers: { "content-type": "text/plain" } },
    want: 415,
    error: /must be application\/json/,
  },
  { name: "a web page's request", asked: { ...POST, headers: { origin: "http://evil.test" } }, want: 403 },
  { name: "a name pointed at this machine", asked: { ...POST, headers: { host: "evil.test" } }, want: 403 },
  {
    name: "no key of the name",
    path: "/keys/default/bob",
    asked: { method: "DELETE" },
    want: 404,
    error: /no such key/,
  },
  { name: "rotating nobody's key", path: "/keys/default/bob/rotate", asked: POST, want: 400, error: /no field/ },
  {
    name: "no duration",
    path: "/keys/default/alice/rotate",
    asked: { method: "POST", body: { keepOldFor: "1 day" } },
    want: 400,
    error: /keepOldFor: must be a duration/,
  },
  { name: "another call", path: "/keys/default", asked: {}, want: 404, error: /no such call/ },
  { name: "another method", asked: { method: "PUT" }, want: 405, error: /only GET, POST/ },
  { name: "reading one key", path: "/keys/default/alice", asked: {}, want: 405, error: /only DELETE/ },
]) {
  test(`${name} is answered with ${want}`, async (t) => {
    const { ask, configured } = await start(t);
    await ask("/keys", POST);
    const { status, document } = await ask(path, asked);
    assert.equal(status, want);
    assert.match(String(document["error"]), error ?? /^/);
    assert.equal(configured().length, want === 201 ? 2 : 1);
  });
}

test("what the whole configuration would be refused for is not written", async (t) => {
  const { ask, configured } = await start(t, { refusal: "GatewayKey default/alice: no" });
  const { status, document } = await ask("/keys", POST);
  assert.deepEqual([status, document, configured()], [400, { error: "GatewayKey default/alice: no" }, []]);
});

test("without a folder keys are not managed", async (t) => {
  const { ask } = await start(t, { managed: false });
  const { status, document } = await ask("/keys", POST);
  assert.equal(status, 409);
  assert.match(String(document["error"]), /--keys FOLDER/);
});
