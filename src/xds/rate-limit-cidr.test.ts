import assert from "node:assert/strict";
import { test } from "node:test";
import { type Network, networkOf } from "./rate-limit-cidr.ts";

const CASES: readonly { in: string; want: Network }[] = [
  { in: "10.0.0.0/8", want: { family: "v4", bits: 8, text: "10.0.0.0/8" } },
  { in: "10.1.2.3/8", want: { family: "v4", bits: 8, text: "10.0.0.0/8" } },
  { in: "172.16.255.1/12", want: { family: "v4", bits: 12, text: "172.16.0.0/12" } },
  { in: "192.168.1.77/26", want: { family: "v4", bits: 26, text: "192.168.1.64/26" } },
  { in: "203.0.113.9/32", want: { family: "v4", bits: 32, text: "203.0.113.9/32" } },
  { in: "1.2.3.4/0", want: { family: "v4", bits: 0, text: "0.0.0.0/0" } },
  { in: "2001:DB8:0::/32", want: { family: "v6", bits: 32, text: "2001:db8::/32" } },
  { in: "2001:db8:1:2:3:4:5:6/64", want: { family: "v6", bits: 64, text: "2001:db8:1:2::/64" } },
  { in: "2001:db8:ffff::1/36", want: { family: "v6", bits: 36, text: "2001:db8:f000::/36" } },
  { in: "::1/128", want: { family: "v6", bits: 128, text: "::1/128" } },
  { in: "fe80::1/0", want: { family: "v6", bits: 0, text: "::/0" } },
];

for (const { in: cidr, want } of CASES) {
  test(`${cidr} is ${want.text}`, () => assert.deepEqual(networkOf(cidr), want));
}
