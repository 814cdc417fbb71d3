import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isMetadataAddress, isMetadataHost } from "./metadata-address.ts";

describe("a cloud's metadata service", () => {
  const refused = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "168.63.129.16",
    "100.100.100.200",
    "fd00:ec2::254",
    "FD00:EC2:0:0:0:0:0:254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "::FFFF:A9FE:A9FE",
    "0:0:0:0:0:ffff:a9fe:a9fe",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "fd00:ec2::254%eth0",
  ];
  for (const address of refused) {
    it(`is at ${address}`, () => {
      assert.equal(isMetadataAddress(address), true);
      assert.equal(isMetadataHost(address), true);
    });
  }

  const spellings = [
    "metadata.google.internal",
    "METADATA.Google.Internal",
    "metadata.google.internal.",
    "metadata.goog",
    "metadata",
    "instance-data.ec2.internal",
    "169.254.169.254.",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "025177524776",
    "169.254.43518",
    "169.16689662",
    "%31%36%39.254.169.254",
    "169.254.169.%32%35%34",
    "169。254。169。254",
  ];
  for (const host of spellings) {
    it(`is meant by ${host}`, () => assert.equal(isMetadataHost(host), true));
  }

  const allowed = [
    "api.openai.com",
    "127.0.0.1",
    "::1",
    "10.0.0.1",
    "169.254.20.10",
    "fe80::1",
    "::ffff:10.0.0.1",
    "2130706433",
    "metadata.example",
    "169.254.169.254.example",
    "not a host",
    "",
  ];
  for (const host of allowed) {
    it(`is not at ${host || "no host"}`, () => {
      assert.equal(isMetadataAddress(host), false);
      assert.equal(isMetadataHost(host), false);
    });
  }
});
