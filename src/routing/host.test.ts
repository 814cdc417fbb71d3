import assert from "node:assert/strict";
import { test } from "node:test";
import { hostName } from "./host.ts";

const cases: readonly { name: string; in: string | undefined; want: string | undefined }[] = [
  { name: "no host", in: undefined, want: undefined },
  { name: "an empty host", in: "", want: undefined },
  { name: "a name", in: "api.example.com", want: "api.example.com" },
  { name: "capitals", in: "API.Example.com", want: "api.example.com" },
  { name: "a port", in: "api.example.com:8443", want: "api.example.com" },
  { name: "an IPv4 address", in: "127.0.0.1:1975", want: "127.0.0.1" },
  { name: "an IPv6 address", in: "[::1]", want: "[::1]" },
  { name: "an IPv6 address with a port", in: "[2001:DB8::1]:1975", want: "[2001:db8::1]" },
  { name: "the longest name", in: `${"a".repeat(253)}:1`, want: "a".repeat(253) },
  { name: "a longer name", in: "a".repeat(254), want: undefined },
];

for (const { name, in: input, want } of cases) {
  test(`the host name of ${name}`, () => assert.equal(hostName(input), want));
}
