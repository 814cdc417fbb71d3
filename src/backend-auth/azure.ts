import type { UnsignedRequest } from "./authenticator.ts";

/** Writes a token of Microsoft Entra ID into a request to Azure OpenAI. */
export function signAzure(request: UnsignedRequest, token: string): void {
  request.headers.set("authorization", `Bearer ${token}`);
}
