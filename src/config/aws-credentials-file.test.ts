import assert from "node:assert/strict";
import { test } from "node:test";
import { readCredentialsFile } from "./aws-credentials-file.ts";
import { Secret } from "./secret.ts";

const keys = (profile: string, text: string): unknown => {
  const file = readCredentialsFile({ text: new Secret(text), profile });
  if ("fault" in file) return file.fault;
  const { accessKeyId, secretAccessKey, sessionToken } = file.keys;
  return [accessKeyId, secretAccessKey.reveal(), sessionToken?.reveal()];
};

const PAIR = "aws_access_key_id = AKID\naws_secret_access_key = wJ/+=\n";

const cases: { name: string; profile?: string; in: string; want: unknown }[] = [
  { name: "a key pair", in: `[default]\n${PAIR}`, want: ["AKID", "wJ/+=", undefined] },
  {
    name: "temporary credentials",
    in: `[default]\n${PAIR}aws_session_token=IQoJ==\n`,
    want: ["AKID", "wJ/+=", "IQoJ=="],
  },
  {
    name: "another profile",
    profile: "prod",
    in: `[default]\naws_access_key_id=no\naws_secret_access_key=no\n[ prod ]\n${PAIR}`,
    want: ["AKID", "wJ/+=", undefined],
  },
  {
    name: "the word profile, as in config files",
    profile: "prod",
    in: `[profile prod]\n${PAIR}`,
    want: ["AKID", "wJ/+=", undefined],
  },
  {
    name: "comments, blank lines, other settings, Windows' line ends, a byte order mark, names in capitals",
    in: "\uFEFF# mine\r\n\r\n; also\r\n[default] # here\r\nregion = eu-west-1\r\nAWS_ACCESS_KEY_ID=AKID ; inline\r\naws_secret_access_key   =   a#b;c   \r\n",
    want: ["AKID", "a#b;c", undefined],
  },
  {
    name: "settings within a setting are not the profile's",
    in: `[default]\ns3 =\n  aws_access_key_id = nested\n${PAIR}`,
    want: ["AKID", "wJ/+=", undefined],
  },
  {
    name: "a profile in two parts",
    in: `[default]\nregion=x\n[other]\n[default]\n${PAIR}`,
    want: ["AKID", "wJ/+=", undefined],
  },
  { name: "nothing", in: "", want: "has no profile [default]" },
  { name: "no section", in: PAIR, want: "has no profile [default]" },
  {
    name: "a misspelt profile",
    profile: "prd",
    in: `[prod]\n${PAIR}`,
    want: 'has no profile [prd]; did you mean "prod"?',
  },
  {
    name: "no key id",
    in: "[default]\naws_secret_access_key = x",
    want: "has no aws_access_key_id in its profile [default]",
  },
  {
    name: "an empty secret",
    in: "[default]\naws_access_key_id = AKID\naws_secret_access_key =\n",
    want: "has no aws_secret_access_key in its profile [default]",
  },
];

for (const { name, profile = "default", in: text, want } of cases) {
  test(`a credentials file with ${name}`, () => assert.deepEqual(keys(profile, text), want));
}
