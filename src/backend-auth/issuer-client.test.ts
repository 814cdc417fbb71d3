import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { TokenServers, trustIssuers } from "../../test/token-servers/token-servers.ts";
import { IssuerClient } from "./issuer-client.ts";

let servers: TokenServers;
before(async () => {
  trustIssuers();
  servers = await TokenServers.start();
  servers.issuers.set("sts.googleapis.com", () => ({ status: 200, body: { fine: true } }));
});
after(() => servers.stop());
beforeEach(() => {
  for (const list of [servers.seen, servers.tunnels]) list.length = 0;
});

function client(): IssuerClient {
  return new IssuerClient({ signal: new AbortController().signal, proxy: servers.proxyUrl });
}

test("a form is sent as one, through the proxy's tunnel", async () => {
  const body = new URLSearchParams({ grant_type: "a b", secret: "ü&=" });
  const response = await client().fetch("https://sts.googleapis.com/v1/token?x=1", { method: "POST", body });
  assert.deepEqual([response.status, await response.json()], [200, { fine: true }]);
  assert.deepEqual(servers.tunnels, ["sts.googleapis.com:443"]);
  const [seen] = servers.seen;
  assert.equal(seen?.path, "/v1/token?x=1");
  assert.equal(seen.body, body.toString());
  assert.equal(seen.headers["content-type"], "application/x-www-form-urlencoded;charset=UTF-8");
});

test("a server that is not who it should be gets nothing", async () => {
  const request = client().fetch("https://evil.test/token", { method: "POST", body: "secret" });
  await assert.rejects(request, /^Error: evil\.test could not be asked \(ERR_TLS_CERT_ALTNAME_INVALID\)$/);
  assert.deepEqual(servers.seen, []);
});

test("clear text does not leave the machine", async () => {
  await assert.rejects(client().fetch("http://sts.googleapis.com/v1/token"), /must begin with https:\/\//);
  assert.deepEqual([servers.seen, servers.tunnels], [[], []]);
});

test("before anything was asked, a fault has the reason alone", () => {
  assert.equal(client().fault("token", "no key").message, "token: no key");
});
