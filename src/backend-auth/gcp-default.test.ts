import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { playGoogleToken, serviceAccountJson, startMetadataServer } from "../../test/token-servers/google.ts";
import { TokenServers, trustIssuers } from "../../test/token-servers/token-servers.ts";
import type { Issued } from "./credential-source.ts";
import { gcpDefaultToken } from "./gcp-default.ts";
import { IssuerClient } from "./issuer-client.ts";

const SECRET = "client-secret-of-a-person";

/** What the library reads of the environment, which is not handed to it. */
const VARIABLES = [
  "GOOGLE_APPLICATION_CREDENTIALS",
  "CLOUDSDK_CONFIG",
  "GCE_METADATA_HOST",
  "METADATA_SERVER_DETECTION",
];

let servers: TokenServers;
const directory = mkdtempSync(join(tmpdir(), "google-"));
const wasSet = VARIABLES.map((name) => [name, process.env[name]] as const);
before(async () => {
  trustIssuers();
  servers = await TokenServers.start();
});
after(async () => {
  for (const [name, value] of wasSet) setVariable(name, value);
  rmSync(directory, { recursive: true });
  await servers.stop();
});
beforeEach(() => {
  for (const name of VARIABLES) setVariable(name, undefined);
  setVariable("CLOUDSDK_CONFIG", directory);
  servers.seen.length = 0;
});

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function get(signal = new AbortController().signal): Promise<Issued<string>> {
  const issuer = new IssuerClient({ signal, proxy: servers.proxyUrl });
  const scope = "https://www.googleapis.com/auth/cloud-platform";
  return gcpDefaultToken({ issuer, project: "my-project", scope, nowMs: Date.now, signal });
}

const PERSON = JSON.stringify({
  type: "authorized_user",
  client_id: "gcloud",
  client_secret: SECRET,
  refresh_token: "1//refresh",
});

const files: { name: string; text: string; want: string }[] = [
  { name: "a service account's key", text: serviceAccountJson(), want: "urn:ietf:params:oauth:grant-type:jwt-bearer" },
  { name: "what gcloud wrote for a person", text: PERSON, want: "refresh_token" },
];

for (const { name, text, want } of files) {
  test(`${name} in the file that the environment names gives a token, through the proxy, and nobody is asked for a project`, async () => {
    playGoogleToken(servers, { accessToken: "of-a-file" });
    setVariable("GOOGLE_APPLICATION_CREDENTIALS", file("credentials.json", text));
    const { credential, expiresAtMs } = await get();
    assert.equal(credential, "of-a-file");
    assert.ok(Math.abs(expiresAtMs - Date.now() - 3_599_000) < 30_000, String(expiresAtMs));
    assert.deepEqual(
      servers.seen.map(({ host, form }) => [host, form.get("grant_type")]),
      [["oauth2.googleapis.com", want]],
    );
  });
}

test("gcloud's own file is found without the environment", async () => {
  playGoogleToken(servers, { accessToken: "of-gcloud" });
  const path = file("application_default_credentials.json", PERSON);
  try {
    assert.equal((await get()).credential, "of-gcloud");
  } finally {
    rmSync(path);
  }
});

test("on Google Cloud the metadata server gives a token", async () => {
  const metadata = await startMetadataServer("of-the-machine");
  try {
    setVariable("GCE_METADATA_HOST", metadata.authority);
    assert.equal((await get()).credential, "of-the-machine");
    assert.deepEqual(
      metadata.paths.filter((path) => path.includes("project")),
      [],
    );
  } finally {
    await metadata.stop();
  }
});

const faults: { name: string; variables: () => Record<string, string>; want: RegExp }[] = [
  {
    name: "nothing at all",
    variables: () => ({ METADATA_SERVER_DETECTION: "none" }),
    want: /^Application Default Credentials: there are none: /,
  },
  {
    name: "a file that is not there",
    variables: () => ({ GOOGLE_APPLICATION_CREDENTIALS: join(directory, "none.json") }),
    want: /the file that GOOGLE_APPLICATION_CREDENTIALS names cannot be read or is not understood$/,
  },
  {
    name: "a file that is no JSON",
    variables: () => ({ GOOGLE_APPLICATION_CREDENTIALS: file("broken.json", SECRET) }),
    want: /the file that GOOGLE_APPLICATION_CREDENTIALS names cannot be read or is not understood$/,
  },
  {
    name: "a refresh token that is not taken",
    variables: () => ({
      GOOGLE_APPLICATION_CREDENTIALS: file("stale.json", PERSON.replace("1//refresh", `1//stale-${SECRET}`)),
    }),
    want: /^Application Default Credentials: oauth2\.googleapis\.com answered 400 invalid_grant$/,
  },
];

for (const { name, variables, want } of faults) {
  test(`${name} is told without secrets`, async () => {
    playGoogleToken(servers, { accessToken: "unused" });
    for (const [variable, value] of Object.entries(variables())) setVariable(variable, value);
    await assert.rejects(get(), (error: Error) => {
      assert.match(error.message, want);
      assert.ok(!error.message.includes(SECRET));
      assert.equal(error.cause, undefined);
      return true;
    });
  });
}

test("a metadata server that says nothing is not waited for longer than the signal", async () => {
  const metadata = await startMetadataServer("unused", "hang");
  try {
    setVariable("GCE_METADATA_HOST", metadata.authority);
    await assert.rejects(get(AbortSignal.timeout(100)), /^Error: Application Default Credentials: not found in time$/);
  } finally {
    await metadata.stop();
  }
});
