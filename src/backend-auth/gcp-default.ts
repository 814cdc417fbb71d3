/**
 * Application Default Credentials of Google Cloud, by Google's library, which knows where a machine has them. To be imported when they
 * are wanted: the library is big.
 */
import { GoogleAuth, gcpMetadata } from "google-auth-library";
import type { Issued } from "./credential-source.ts";
import type { IssuerClient } from "./issuer-client.ts";
import { TOKEN_LIFE_MS } from "./oauth-grant.ts";

const WHAT = "Application Default Credentials";

/** What the machine is asked with. */
export interface GcpDefaultOptions {
  readonly issuer: IssuerClient;
  readonly project: string;
  readonly scope: string;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}

/**
 * Gets a token of the machine's own identity: of the file that GOOGLE_APPLICATION_CREDENTIALS names, of gcloud's file, of the metadata
 * server; https://docs.cloud.google.com/docs/authentication/application-default-credentials
 */
export async function gcpDefaultToken(options: GcpDefaultOptions): Promise<Issued<string>> {
  const { issuer, project, scope, nowMs, signal } = options;
  // The library would remember for good that there was no metadata server.
  gcpMetadata.resetIsAvailableCache();
  const auth = new GoogleAuth({
    scopes: scope,
    // Otherwise the library looks for one: in the environment, by running gcloud, and at the metadata server.
    projectId: project,
    clientOptions: {
      // Off: an environment variable would make the library write answers to standard error.
      useAuthRequestParameters: false,
      transporterOptions: { fetchImplementation: issuer.fetch as typeof fetch },
    },
  });
  const find = async (): Promise<Issued<string>> => {
    const client = await auth.getClient();
    const { token } = await client.getAccessToken();
    if (!token) throw new Error("no token");
    return { credential: token, expiresAtMs: client.credentials.expiry_date ?? nowMs() + TOKEN_LIFE_MS };
  };
  try {
    return await Promise.race([find(), rejectionOf(signal)]);
  } catch (error) {
    throw issuer.fault(WHAT, signal.aborted ? "not found in time" : reasonOf(error));
  }
}

/** The library's requests to the metadata server cannot be ended: they are left alone. */
function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

/** What the library found wrong, in words of ours: its own quote files and answers. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "not found";
  if (error.message.startsWith("Could not load the default credentials")) {
    return "there are none: GOOGLE_APPLICATION_CREDENTIALS is not set, gcloud's file is not there, and no metadata server answers";
  }
  if (error.message.startsWith("Unable to read the credential file")) {
    return "the file that GOOGLE_APPLICATION_CREDENTIALS names cannot be read or is not understood";
  }
  const { status, code } = error as { status?: unknown; code?: unknown };
  if (typeof status === "number") return `an answer had the status ${status}`;
  return typeof code === "string" ? `not to be got (${code})` : "the answer holds no token";
}
