/** Tokens of Microsoft Entra ID for Azure's AI services, by Microsoft's library. */
import { readFile } from "node:fs/promises";
import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from "@azure/msal-node";
import type { AzureAuth } from "../config/backend-auth.ts";
import { issuerUrlFault } from "../config/issuer-url.ts";
import type { CredentialContext, CredentialSource, Issued } from "./credential-source.ts";
import { IssuerClient, type IssuerRequest } from "./issuer-client.ts";
import { oidcToken } from "./oidc-token.ts";

/** https://learn.microsoft.com/en-us/azure/ai-services/openai/how-to/managed-identity */
const SCOPE = "https://cognitiveservices.azure.com/.default";

/** Of the public cloud; AZURE_AUTHORITY_HOST names another one. */
const AUTHORITY_HOST = "https://login.microsoftonline.com";

const WHAT = "token of Microsoft Entra ID";

/** What an app proves itself with. */
type Proof = { readonly clientSecret: string } | { readonly clientAssertion: () => Promise<string> };

/** Gets tokens for a policy of type AzureCredentials. */
export function azureSource(auth: AzureAuth, context: CredentialContext): CredentialSource<string> {
  return async (signal) => {
    const proof = await proofOf(auth, context, signal);
    const issuer = new IssuerClient({ signal, proxy: context.env["AI_GATEWAY_AZURE_PROXY_URL"] });
    return await askForToken(auth, { authority: authorityHost(context), proof, issuer });
  };
}

async function proofOf({ source }: AzureAuth, context: CredentialContext, signal: AbortSignal): Promise<Proof> {
  switch (source.from) {
    case "client-secret":
      return { clientSecret: source.clientSecret.reveal().trim() };
    case "oidc": {
      const { credential } = await oidcToken(source.oidc, { nowMs: context.nowMs, signal });
      return { clientAssertion: async () => credential };
    }
    case "workload-identity": {
      const token = await readFederatedToken(context);
      return { clientAssertion: async () => token };
    }
  }
}

/** The file is Kubernetes', which renews it; https://azure.github.io/azure-workload-identity/docs/installation/mutating-admission-webhook.html */
async function readFederatedToken({ env }: CredentialContext): Promise<string> {
  const path = env["AZURE_FEDERATED_TOKEN_FILE"];
  if (!path) throw new Error(`${WHAT}: AZURE_FEDERATED_TOKEN_FILE is not set`);
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${WHAT}: the file that AZURE_FEDERATED_TOKEN_FILE names cannot be read (${code})`);
  }
}

function authorityHost({ env }: CredentialContext): URL {
  const host = env["AZURE_AUTHORITY_HOST"] || AUTHORITY_HOST;
  const fault = issuerUrlFault(host);
  if (fault !== undefined) throw new Error(`${WHAT}: AZURE_AUTHORITY_HOST ${fault}`);
  return new URL(host);
}

interface TokenRequest {
  readonly authority: URL;
  readonly proof: Proof;
  readonly issuer: IssuerClient;
}

async function askForToken(auth: AzureAuth, { authority, proof, issuer }: TokenRequest): Promise<Issued<string>> {
  const { ConfidentialClientApplication } = await import("@azure/msal-node");
  try {
    // A new application for each token, so that the library keeps none.
    const application = new ConfidentialClientApplication({
      auth: {
        clientId: auth.clientId,
        authority: `${authority.origin}/${encodeURIComponent(auth.tenantId)}`,
        // Otherwise the library asks Microsoft's public cloud about hosts that it does not know.
        knownAuthorities: [authority.host],
        ...proof,
      },
      system: { networkClient: new MsalNetwork(issuer), disableInternalRetries: true },
    });
    const result = await application.acquireTokenByClientCredential({
      scopes: [SCOPE],
      skipCache: true,
      // Nor does it look for a region in the environment.
      azureRegion: "DisableMsalForceRegion",
    });
    const expiresAtMs = result?.expiresOn?.getTime() ?? Number.NaN;
    if (!result?.accessToken || Number.isNaN(expiresAtMs)) throw new Error("no token");
    return { credential: result.accessToken, expiresAtMs };
  } catch (error) {
    throw issuer.fault(WHAT, reasonOf(error));
  }
}

/** The library's code of an error; its message quotes the answer. */
function reasonOf(error: unknown): string {
  const { errorCode } = error as { errorCode?: unknown };
  return typeof errorCode === "string" && errorCode !== "" ? errorCode : "the answer holds no token";
}

/** The library's view of our requests. */
class MsalNetwork implements INetworkModule {
  readonly #issuer: IssuerClient;

  constructor(issuer: IssuerClient) {
    this.#issuer = issuer;
  }

  sendGetRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.#send(url, { method: "GET", headers: options?.headers ?? {} });
  }

  sendPostRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.#send(url, { method: "POST", headers: options?.headers ?? {}, body: options?.body });
  }

  async #send<T>(url: string, request: IssuerRequest): Promise<NetworkResponse<T>> {
    const response = await this.#issuer.fetch(url, request);
    const body = (await response.json()) as T;
    return { status: response.status, headers: Object.fromEntries(response.headers), body };
  }
}
