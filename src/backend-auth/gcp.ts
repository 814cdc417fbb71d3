import type { GcpAuth } from "../config/backend-auth.ts";
import { gcpProjectFault, gcpRegionFault } from "../config/cloud-names.ts";
import { invariant } from "../errors/invariant.ts";
import type { UnsignedRequest } from "./authenticator.ts";

/**
 * Writes a token of Google Cloud into a request. Paths of Vertex AI's publishers begin at a project and a location
 * (https://docs.cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.publishers.models), which the translators leave to
 * the credentials; any other path stays.
 */
export function signGcp(request: UnsignedRequest, token: string, auth: GcpAuth): void {
  request.headers.set("authorization", `Bearer ${token}`);
  if (request.path.startsWith("/publishers/")) request.path = locationPath(auth) + request.path;
}

function locationPath({ project, region }: GcpAuth): string {
  const fault = gcpProjectFault(project) ?? gcpRegionFault(region);
  invariant(fault === undefined, "project and region are checked when the configuration is loaded");
  return `/v1/projects/${project}/locations/${region}`;
}
