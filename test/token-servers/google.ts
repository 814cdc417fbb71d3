/** Stand-ins for Google Cloud: tokens of service accounts, the token service (STS), IAM credentials, the metadata server. */
import { createPublicKey } from "node:crypto";
import { createServer } from "node:http";
import { type JWTPayload, jwtVerify } from "jose";
import {
  type Answer,
  ISSUERS_KEY,
  oauthError,
  portOf,
  readRequest,
  type SeenRequest,
  type TokenServers,
} from "./token-servers.ts";

const PUBLIC_KEY = createPublicKey(ISSUERS_KEY);
const SCOPE = "https://www.googleapis.com/auth/cloud-platform";
const TOKEN_URI = "https://oauth2.googleapis.com/token";
const TOKEN_TYPE = "urn:ietf:params:oauth:token-type:";

/** E-mail address of the account whose key is {@link serviceAccountJson}. */
export const SERVICE_ACCOUNT = "gateway@my-project.iam.gserviceaccount.com";

/** A service account's key as Google writes it. */
export function serviceAccountJson(changes: Readonly<Record<string, unknown>> = {}): string {
  const json = {
    type: "service_account",
    project_id: "my-project",
    private_key_id: "key-1",
    private_key: ISSUERS_KEY,
    client_email: SERVICE_ACCOUNT,
    client_id: "123",
    token_uri: TOKEN_URI,
  };
  return JSON.stringify({ ...json, ...changes });
}

/** What the token endpoint issues. */
export interface GoogleTokenOptions {
  readonly accessToken: string;
  readonly expiresIn?: number;
  /** Unix milliseconds by which assertions are judged. Default: the system's clock. */
  readonly nowMs?: number;
}

/** Plays the token endpoint, which verifies assertions of {@link serviceAccountJson} and takes one refresh token, `1//refresh`. */
export function playGoogleToken(servers: TokenServers, options: GoogleTokenOptions): { readonly claims: JWTPayload[] } {
  const claims: JWTPayload[] = [];
  servers.issuers.set("oauth2.googleapis.com", async ({ path, form }) => {
    if (path !== "/token") return { status: 404, body: "" };
    const { accessToken, expiresIn = 3599, nowMs = Date.now() } = options;
    const answer = { status: 200, body: { access_token: accessToken, token_type: "Bearer", expires_in: expiresIn } };
    if (form.get("grant_type") === "refresh_token") {
      return form.get("refresh_token") === "1//refresh" ? answer : oauthError("invalid_grant", String(form));
    }
    if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer") {
      return oauthError("unsupported_grant_type", "");
    }
    try {
      const { payload } = await jwtVerify(form.get("assertion") ?? "", PUBLIC_KEY, {
        algorithms: ["RS256"],
        audience: TOKEN_URI,
        issuer: SERVICE_ACCOUNT,
        currentDate: new Date(nowMs),
        maxTokenAge: "1h",
        requiredClaims: ["exp"],
      });
      claims.push(payload);
      return payload["scope"] === SCOPE ? answer : oauthError("invalid_scope", "");
    } catch (error) {
      return oauthError("invalid_grant", `${error} in ${form}`);
    }
  });
  return { claims };
}

/** What the token service expects and issues. */
export interface GoogleStsOptions {
  readonly audience: string;
  /** Whether a subject token is one of the federated provider's. */
  readonly isSubject: (token: string) => boolean | Promise<boolean>;
  readonly federatedToken: string;
  readonly expiresIn?: number;
}

/** Plays the token service; https://docs.cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token */
export function playGoogleSts(servers: TokenServers, options: GoogleStsOptions): void {
  servers.issuers.set("sts.googleapis.com", async ({ path, form }) => {
    if (path !== "/v1/token") return { status: 404, body: "" };
    const want = {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      audience: options.audience,
      scope: SCOPE,
      requested_token_type: `${TOKEN_TYPE}access_token`,
      subject_token_type: `${TOKEN_TYPE}jwt`,
    };
    for (const [name, value] of Object.entries(want)) {
      if (form.get(name) !== value) return oauthError("invalid_request", `${name} of ${form}`);
    }
    const isSubject = await options.isSubject(form.get("subject_token") ?? "");
    if (!isSubject) return oauthError("invalid_grant", `subject_token of ${form}`);
    const { federatedToken, expiresIn = 3600 } = options;
    const body = { issued_token_type: `${TOKEN_TYPE}access_token`, token_type: "Bearer", expires_in: expiresIn };
    return { status: 200, body: { ...body, access_token: federatedToken } };
  });
}

/** What IAM credentials expects and issues. */
export interface GoogleIamOptions {
  readonly account: string;
  /** Token that may impersonate. */
  readonly bearer: string;
  readonly accessToken: string;
  /** RFC 3339. */
  readonly expireTime: string;
}

/** Plays IAM credentials. */
export function playGoogleIam(servers: TokenServers, options: GoogleIamOptions): void {
  servers.issuers.set("iamcredentials.googleapis.com", (request) => generateAccessToken(request, options));
}

function generateAccessToken({ path, headers, body }: SeenRequest, options: GoogleIamOptions): Answer {
  if (decodeURIComponent(path) !== `/v1/projects/-/serviceAccounts/${options.account}:generateAccessToken`) {
    return googleError(404, "NOT_FOUND", path);
  }
  if (headers.authorization !== `Bearer ${options.bearer}`) {
    return googleError(403, "PERMISSION_DENIED", String(headers.authorization));
  }
  const { scope, lifetime } = JSON.parse(body) as { scope?: string[]; lifetime?: string };
  if (scope?.join() !== SCOPE || lifetime !== "3600s") return googleError(400, "INVALID_ARGUMENT", body);
  return { status: 200, body: { accessToken: options.accessToken, expireTime: options.expireTime } };
}

function googleError(code: number, status: string, message: string): Answer {
  return { status: code, body: { error: { code, message, status } } };
}

/** A metadata server: `GCE_METADATA_HOST` is its authority. */
export interface MetadataServer {
  readonly authority: string;
  /** Paths that were asked for. */
  readonly paths: string[];
  stop(): Promise<void>;
}

/** Starts a metadata server, which answers nothing if it hangs; https://docs.cloud.google.com/compute/docs/metadata/querying-metadata */
export async function startMetadataServer(accessToken: string, mode?: "hang"): Promise<MetadataServer> {
  const paths: string[] = [];
  const server = createServer(async (message, response) => {
    const { path, headers } = await readRequest(message);
    paths.push(path);
    if (mode === "hang") return;
    const isAllowed = headers["metadata-flavor"] === "Google";
    const isToken = path.startsWith("/computeMetadata/v1/instance/service-accounts/default/token");
    const body = isToken ? { access_token: accessToken, expires_in: 3599, token_type: "Bearer" } : {};
    response.writeHead(isAllowed ? 200 : 403, { "content-type": "application/json", "metadata-flavor": "Google" });
    response.end(JSON.stringify(isAllowed ? body : {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { authority: `127.0.0.1:${portOf(server)}`, paths, stop };
}
