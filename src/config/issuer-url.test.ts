import assert from "node:assert/strict";
import { test } from "node:test";
import { issuerUrlFault } from "./issuer-url.ts";

const cases: { in: string; want: RegExp | undefined }[] = [
  { in: "https://login.example.com", want: undefined },
  { in: "https://login.example.com:8443/realms/a?b=c", want: undefined },
  { in: "http://localhost:8080/realms/a", want: undefined },
  { in: "http://127.0.0.1:8080", want: undefined },
  { in: "http://[::1]:8080", want: undefined },
  { in: "http://login.example.com", want: /must begin with https/ },
  { in: "http://localhost.example.com", want: /must begin with https/ },
  { in: "http://127.0.0.1.example.com", want: /must begin with https/ },
  { in: "http://169.254.169.254", want: /must begin with https/ },
  { in: "https://0xa9fea9fe/", want: /metadata service/ },
  { in: "https://[::ffff:169.254.169.254]/", want: /metadata service/ },
  { in: "https://metadata.google.internal./", want: /metadata service/ },
  { in: "file:///etc/passwd", want: /must begin with https/ },
  { in: "https://user:password@login.example.com", want: /user name/ },
  { in: "https://login.example.com/#a", want: /fragment/ },
  { in: "login.example.com", want: /must be a URL/ },
  { in: "", want: /must be a URL/ },
];

for (const { in: text, want } of cases) {
  test(`secrets ${want === undefined ? "may" : "must not"} be sent to ${JSON.stringify(text)}`, () => {
    assert.match(issuerUrlFault(text) ?? "fine", want ?? /^fine$/);
  });
}
