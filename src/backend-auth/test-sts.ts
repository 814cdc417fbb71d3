/** A security token service for tests: it checks what it gets, and answers as AWS's does. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** What is asked for, and what is given for it. */
export interface StsRole {
  readonly roleArn: string;
  readonly sessionName: string;
  readonly webIdentityToken: string;
  /** ISO 8601. */
  readonly expiration: string;
}

/** The credentials that it issues. */
export const ISSUED_BY_STS = {
  accessKeyId: "ASIAISSUED",
  secretAccessKey: "sts-secret/+=",
  sessionToken: "sts-token//==",
};

/** A server on loopback. */
export interface TestServer {
  readonly port: number;
  /** Method, URL and body of each request. */
  readonly requests: readonly { readonly line: string; readonly body: string }[];
  close(): Promise<void>;
}

/** Starts one; with a certificate it speaks HTTPS. */
export function startSts(role: StsRole, tls?: { cert: string; key: string }): Promise<TestServer> {
  return startServer((_, body) => answer(role, new URLSearchParams(body)), tls);
}

/** Answers of a server: JSON, text, or a status alone. */
export type Handler = (request: IncomingMessage, body: string) => { status: number; body: string };

/** Starts a server on loopback. */
export async function startServer(handle: Handler, tls?: { cert: string; key: string }): Promise<TestServer> {
  const requests: { line: string; body: string }[] = [];
  const server: Server = tls === undefined ? createServer() : createTlsServer(tls);
  server.on("request", async (request, response) => {
    const body = await text(request);
    requests.push({ line: `${request.method} ${request.url}`, body });
    const { status, body: answered } = handle(request, body);
    response.writeHead(status).end(answered);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port: (server.address() as AddressInfo).port, requests, close };
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
function answer(role: StsRole, form: URLSearchParams): { status: number; body: string } {
  if (form.get("Action") !== "AssumeRoleWithWebIdentity") return refuse(400, "InvalidAction", form);
  if (form.get("WebIdentityToken") !== role.webIdentityToken) return refuse(400, "InvalidIdentityToken", form);
  const isKnown = form.get("RoleArn") === role.roleArn && form.get("RoleSessionName") === role.sessionName;
  if (!isKnown) return refuse(403, "AccessDenied", form);
  const { accessKeyId, secretAccessKey, sessionToken } = ISSUED_BY_STS;
  const body = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <AssumedRoleUser>
      <Arn>arn:aws:sts::123456789012:assumed-role/bedrock/${role.sessionName}</Arn>
      <AssumedRoleId>AROAEXAMPLE:${role.sessionName}</AssumedRoleId>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>${accessKeyId}</AccessKeyId>
      <SecretAccessKey>${secretAccessKey}</SecretAccessKey>
      <SessionToken>${sessionToken}</SessionToken>
      <Expiration>${role.expiration}</Expiration>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>`;
  return { status: 200, body };
}

/** Says back what it got, which no message of ours may repeat. */
function refuse(status: number, code: string, form: URLSearchParams): { status: number; body: string } {
  const body = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>Sender</Type><Code>${code}</Code><Message>not with ${form.get("WebIdentityToken")}</Message></Error>
  <RequestId>1</RequestId>
</ErrorResponse>`;
  return { status, body };
}
