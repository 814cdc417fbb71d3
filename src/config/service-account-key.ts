/** Keys of Google Cloud's service accounts, as JSON files. */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { issuerUrlFault } from "./issuer-url.ts";

/** What a key file says; https://docs.cloud.google.com/iam/docs/keys-create-delete#creating */
export interface ServiceAccountKey {
  readonly clientEmail: string;
  readonly privateKey: KeyObject;
  readonly keyId: string | undefined;
  readonly tokenUri: string;
}

/** Where tokens are issued unless the key says otherwise. */
const TOKEN_URI = "https://oauth2.googleapis.com/token";

/**
 * Reads a key file.
 *
 * @throws Error that says what is wrong with it and quotes nothing of it.
 */
export function readServiceAccountKey(text: string): ServiceAccountKey {
  const json = parse(text);
  if (json["type"] !== "service_account") {
    throw new Error('is not the key of a service account: its type must be "service_account"');
  }
  const tokenUri = json["token_uri"] ?? TOKEN_URI;
  const fault = typeof tokenUri === "string" ? issuerUrlFault(tokenUri) : "must be text";
  if (typeof tokenUri !== "string" || fault !== undefined) throw new Error(`has a token_uri that ${fault}`);
  const keyId = json["private_key_id"];
  return {
    clientEmail: textOf(json, "client_email"),
    privateKey: privateKeyOf(textOf(json, "private_key")),
    keyId: typeof keyId === "string" && keyId !== "" ? keyId : undefined,
    tokenUri,
  };
}

/** What is wrong with a key file, such as "has no client_email"; undefined = nothing. */
export function serviceAccountKeyFault(text: string): string | undefined {
  try {
    readServiceAccountKey(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : "cannot be read";
  }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw new Error("is not JSON");
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error("is not a JSON object");
  return json as Readonly<Record<string, unknown>>;
}

function textOf(json: Readonly<Record<string, unknown>>, field: string): string {
  const value = json[field];
  if (typeof value !== "string" || value === "") throw new Error(`has no ${field}`);
  return value;
}

function privateKeyOf(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // OpenSSL's words help nobody here.
    throw new Error("has a private_key that is not a PEM private key");
  }
  if (key.asymmetricKeyType !== "rsa") throw new Error("has a private_key that is not an RSA key");
  return key;
}
