/**
 * Exchanges by AWS's own libraries. A module of its own, to be loaded with the first of them: the libraries are CommonJS, whose
 * names cannot be had by `import()` where the gateway is bundled.
 */
import { Agent } from "node:https";
import { defaultProvider } from "@aws-sdk/credential-provider-node";
import { fromWebToken } from "@aws-sdk/credential-provider-web-identity";
import type { Logger } from "../telemetry/logger.ts";
import type { CredentialContext } from "./credential-source.ts";

/** Longest time for one request to the security token service; the library repeats what fails. */
const STS_REQUEST_MS_MAX = 5_000;

/** Credentials as the libraries have them. */
export interface AwsIdentity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** Where the security token service is asked. */
export interface StsPlace {
  readonly region: string;
  readonly env: CredentialContext["env"];
}

/**
 * Environment, shared files, web identity (IRSA), container (EKS Pod Identity, ECS) and instance metadata, in this order:
 * https://docs.aws.amazon.com/sdk-for-javascript/v3/developer-guide/setting-credentials-node.html
 */
export function defaultChain(place: StsPlace, log: Logger): () => Promise<AwsIdentity> {
  const chain = defaultProvider({ ignoreCache: true, logger: chainLogger(log), parentClientConfig: stsConfig(place) });
  return () => chain({ forceRefresh: true });
}

/** A token of an OpenID provider for the credentials of a role. */
export function assumeRole(
  role: { readonly webIdentityToken: string; readonly roleArn: string; readonly roleSessionName: string },
  place: StsPlace,
): Promise<AwsIdentity> {
  return fromWebToken({ ...role, parentClientConfig: stsConfig(place) })();
}

/** As for a client in the region; the library reads its own settings beside these. */
function stsConfig({ region, env }: StsPlace) {
  const proxy = env["AI_GATEWAY_STS_PROXY_URL"];
  return {
    region,
    requestHandler: {
      connectionTimeout: STS_REQUEST_MS_MAX,
      requestTimeout: STS_REQUEST_MS_MAX,
      throwOnRequestTimeout: true,
      httpsAgent: new Agent({ keepAlive: false, ...(proxy && { proxyEnv: { HTTPS_PROXY: proxy } }) }),
    },
  };
}

/** What the chain says of its way: all of it at level debug, its warnings at their own. */
function chainLogger(log: Logger) {
  const debug = (text: unknown): void => log.debug("AWS default credential chain", { says: withoutCommand(text) });
  const warn = (text: unknown): void => log.warn("AWS default credential chain", { says: withoutCommand(text) });
  return { debug, info: debug, warn, error: warn };
}

/** Error codes are words; what else an answer has in their place may be anything, also what was sent. */
const CODE = /^[A-Za-z][\w.]{0,63}$/;

/** What went wrong, in the library's own words, the system's, or by an error code of AWS; an answer is never quoted. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown reason";
  const { name, message } = error;
  const { $metadata, syscall, code } = error as NodeJS.ErrnoException & { $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  if (status !== undefined) return `status ${status}${CODE.test(name) ? ` ${name}` : ""}`;
  if (syscall !== undefined) return message;
  if (name === "CredentialsProviderError") return withoutCommand(message);
  // Its message has a piece of the text.
  if (error instanceof SyntaxError) return "the answer is not JSON";
  return code ?? (CODE.test(name) ? name : "unknown reason");
}

/** A command that failed is quoted with its arguments and what it printed, which may hold secrets. */
function withoutCommand(text: unknown): string {
  return String(text).includes("Command failed") ? "credential_process failed" : String(text);
}
