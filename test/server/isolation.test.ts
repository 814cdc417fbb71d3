/** Many requests at once, some of them broken: no caller gets another's bytes, and every request has its line. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CHAT } from "../conformance/configs.ts";
import { startForClients } from "./client-config.ts";
import type { GatewayWithSimulator } from "./start-gateway.ts";

const REQUESTS = 600;
const CALLERS = 24;

/** Every n-th request meets the n-th of these; the others are answered. */
const FAULTS = [
  "reset-before-headers",
  "reset-mid-stream",
  "second-response",
  "length-too-short",
  "wrong-length",
  "truncated-json",
  "gzip",
  "bytewise",
  "in-band-error",
];

let gateway: GatewayWithSimulator;
before(async () => {
  gateway = await startForClients();
});
after(() => gateway.stop());

/** The markers of other requests in an answer. */
function strangers(text: string, n: number): string[] {
  return (text.match(/marker-\d+;|poison/g) ?? []).filter((found) => found !== `marker-${n};`);
}

async function ask(n: number): Promise<void> {
  const fault = n % 2 === 0 ? undefined : FAULTS[n % FAULTS.length];
  const headers = {
    "x-request-id": `n-${n}`,
    "x-simulate": `chunks=${1 + (n % 40)}${fault === undefined ? "" : `,fault=${fault}`}`,
  };
  const body = { model: "gpt-4o", stream: n % 3 === 0, messages: [{ role: "user", content: `marker-${n};` }] };
  const response = await fetch(gateway.url + CHAT, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  const said = [...text.matchAll(/"content": ?"((?:[^"\\]|\\.)*)"/g)].map(([, piece]) => piece).join("");
  assert.deepEqual(strangers(said, n), [], `answer ${n}: ${text}`);
  assert.ok(fault !== undefined || said.includes(`marker-${n};`), `answer ${n}: ${text}`);
}

test(`${REQUESTS} requests of ${CALLERS} callers get their own answers`, async () => {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < REQUESTS) await ask(next++);
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
});

test("every one of them has exactly one access-log line", async () => {
  const lines = new Map<unknown, number>();
  const mine = () => gateway.logs().filter((line) => /^n-\d+$/.test(String(line["request_id"])));
  await gateway.log(() => mine().length >= REQUESTS);
  for (const { request_id } of mine()) lines.set(request_id, (lines.get(request_id) ?? 0) + 1);
  assert.equal(lines.size, REQUESTS);
  assert.deepEqual(
    [...lines].filter(([, count]) => count !== 1),
    [],
  );
});

test("large bodies reach the provider whole while their memory is used again and again, also beside callers who leave", async () => {
  const count = 150;
  const bodyOf = (n: number): string => {
    // Sizes on both sides of those that are kept, gathered in one read, in several, and in steps.
    const size = [30_000, 70_000, 220_000, 400_000, 1_500_000][n % 5] ?? 0;
    const padding = `large-${n};`.repeat(size / 9);
    return JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }], padding });
  };
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < count) {
      const n = next++;
      const headers = { "x-request-id": `large-${n}`, "x-simulate": `delay-ms=${n % 4}` };
      const leaves = n % 7 === 3 ? { signal: AbortSignal.timeout(n % 20) } : {};
      // Chunks where the body is a stream: its length is not known then.
      const body = n % 3 === 1 ? new Blob([bodyOf(n)]).stream() : bodyOf(n);
      const asked = fetch(gateway.url + CHAT, { method: "POST", headers, body, duplex: "half", ...leaves });
      await asked.then((response) => response.text()).catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const arrived = gateway.simulator.requests.filter(({ headers }) => /^large-/.test(String(headers["x-request-id"])));
  assert.ok(arrived.length > count / 2, `${arrived.length} arrived`);
  // Of a request whose caller left, the provider may not have heard the end yet.
  await Promise.all(arrived.map(({ ended }) => ended));
  const spoilt = arrived.flatMap(({ headers, body, aborted }) => {
    const id = String(headers["x-request-id"]);
    const want = Buffer.from(bodyOf(Number(id.slice("large-".length))));
    return aborted || body.equals(want) ? [] : [`${id}: ${body.length} bytes, not these ${want.length}`];
  });
  assert.deepEqual(spoilt, []);
});

test("two callers with the same request id at the same time get their own answers and a line each", async () => {
  const headers = { "x-request-id": "twin", "x-simulate": "delay-ms=20" };
  const answers = await Promise.all(
    ["left", "right"].map(async (side) => {
      const body = JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: side }] });
      return (await fetch(gateway.url + CHAT, { method: "POST", headers, body })).text();
    }),
  );
  const twins = () => gateway.logs().filter((line) => line["request_id"] === "twin");
  await gateway.log(() => twins().length >= 2);
  assert.deepEqual(
    answers.map((text) => /You said: (\w+)/.exec(text)?.[1]),
    ["left", "right"],
  );
  assert.equal(twins().length, 2);
});
