/** Names of the clouds' things that become part of URLs: checked so that none of them can change what the URL means. */

/** Letters, digits and hyphens, in front of it a domain as in `example.com:project`; also a project's number. */
const GCP_PROJECT = /^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+:)?[a-z0-9-]+$/i;
const AWS_REGION = /^[a-z0-9-]+$/;
const GCP_REGION = /^[a-z0-9-]+$/i;
const GCP_SERVICE_ACCOUNT = /^[a-z0-9-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i;
/** A directory's id, or one of its domains. */
const AZURE_TENANT = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i;

/** What is wrong with a Google Cloud project; https://cloud.google.com/resource-manager/docs/creating-managing-projects */
export function gcpProjectFault(project: string): string | undefined {
  return GCP_PROJECT.test(project) ? undefined : "must be a project's id or number: letters, digits and hyphens";
}

/** What is wrong with an AWS region, which is in the names of hosts. */
export function awsRegionFault(region: string): string | undefined {
  return AWS_REGION.test(region) ? undefined : "must be a region such as us-east-1";
}

/** What is wrong with a Google Cloud location, such as `us-central1` or `global`. */
export function gcpRegionFault(region: string): string | undefined {
  return GCP_REGION.test(region) ? undefined : "must be a location such as us-central1 or global";
}

/** What is wrong with the e-mail address of a service account. */
export function gcpServiceAccountFault(email: string): string | undefined {
  return GCP_SERVICE_ACCOUNT.test(email) ? undefined : `${email} is not the e-mail address of a service account`;
}

/** What is wrong with the tenant of Microsoft Entra ID. */
export function azureTenantFault(tenantId: string): string | undefined {
  return AZURE_TENANT.test(tenantId) ? undefined : "must be the tenant's id or one of its domains";
}
