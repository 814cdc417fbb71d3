import assert from "node:assert/strict";
import { test } from "node:test";
import {
  awsRegionFault,
  azureTenantFault,
  gcpProjectFault,
  gcpRegionFault,
  gcpServiceAccountFault,
} from "./cloud-names.ts";

const HOSTILE = [
  "",
  "..",
  "a/b",
  "../x",
  "a%2fb",
  "a#b",
  "a?b",
  "a@b",
  "a b",
  "a\\b",
  "a\r\nb",
  "a\n",
  "ü",
  ".",
  "a:b",
  "a..b",
];

const checks: { name: string; check: (text: string) => string | undefined; good: string[]; bad: string[] }[] = [
  {
    name: "a project",
    check: gcpProjectFault,
    good: ["my-project-1", "123456789012", "example.com:my-project"],
    bad: [...HOSTILE, "example..com:project", "example.com:", ":project"],
  },
  { name: "a region", check: awsRegionFault, good: ["us-east-1", "us-gov-west-1"], bad: [...HOSTILE, "US-EAST-1"] },
  { name: "a location", check: gcpRegionFault, good: ["us-central1", "global", "eu"], bad: HOSTILE },
  {
    name: "a service account",
    check: gcpServiceAccountFault,
    good: ["gateway@my-project.iam.gserviceaccount.com", "1-compute@developer.gserviceaccount.com"],
    bad: [...HOSTILE, "gateway", "a@b@c.com", "a/../b@c.com", "gateway@my-project.iam.gserviceaccount.com/x"],
  },
  {
    name: "a tenant",
    check: azureTenantFault,
    good: ["11111111-2222-3333-4444-555555555555", "contoso.onmicrosoft.com"],
    bad: HOSTILE,
  },
];

for (const { name, check, good, bad } of checks) {
  test(`${name} is written as the cloud writes it, and as nothing else`, () => {
    assert.deepEqual(
      good.filter((text) => check(text) !== undefined),
      [],
    );
    assert.deepEqual(
      bad.filter((text) => check(text) === undefined),
      [],
    );
  });
}
