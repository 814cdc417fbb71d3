/** The shared credentials file of AWS, as text: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html */
import { didYouMean } from "../resources/suggest.ts";
import { Secret } from "./secret.ts";

/** What a profile with keys of its own says. */
export interface CredentialsFileKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret | undefined;
}

/** Keys, or in words without secrets why there are none: "has no …". */
export type CredentialsFile = { readonly keys: CredentialsFileKeys } | { readonly fault: string };

/** What may stand before and in the name of a profile that is offered in a fault: a key pasted there is not one. */
const PROFILE_NAME = /^[\w .@:+-]{1,64}$/;
const SECTION = /^\[\s*(?:profile\s+)?(.*?)\s*\]$/;
/** Begins at the line's start or behind a space. */
const COMMENT = /(?:^|\s)[#;].*$/;

/** Reads the keys of a profile. */
export function readCredentialsFile({ text, profile }: { text: Secret; profile: string }): CredentialsFile {
  const profiles = parse(text.reveal());
  const found = profiles.get(profile);
  if (found === undefined) {
    const names = [...profiles.keys()].filter((name) => PROFILE_NAME.test(name));
    return { fault: `has no profile [${profile}]${didYouMean(profile, names)}` };
  }
  const accessKeyId = found.get("aws_access_key_id");
  const secretAccessKey = found.get("aws_secret_access_key");
  if (!accessKeyId) return { fault: `has no aws_access_key_id in its profile [${profile}]` };
  if (!secretAccessKey) return { fault: `has no aws_secret_access_key in its profile [${profile}]` };
  const sessionToken = found.get("aws_session_token");
  return {
    keys: {
      accessKeyId,
      secretAccessKey: new Secret(secretAccessKey),
      sessionToken: sessionToken ? new Secret(sessionToken) : undefined,
    },
  };
}

/** Settings by profile; of a name that comes twice the later one counts. */
function parse(text: string): Map<string, Map<string, string>> {
  const profiles = new Map<string, Map<string, string>>();
  let settings: Map<string, string> | undefined;
  for (const raw of text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/)) {
    const line = raw.replace(COMMENT, "").trimEnd();
    const section = SECTION.exec(line)?.[1];
    if (section !== undefined) {
      settings = profiles.get(section) ?? new Map();
      profiles.set(section, settings);
      continue;
    }
    const equals = line.indexOf("=");
    // Lines that are indented belong to the setting before them: nested settings, of which none is a key.
    if (settings === undefined || equals < 0 || /^\s/.test(line)) continue;
    settings.set(line.slice(0, equals).trim().toLowerCase(), line.slice(equals + 1).trim());
  }
  return profiles;
}
