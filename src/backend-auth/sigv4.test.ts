import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Secret } from "../config/secret.ts";
import { authorizationV4, formatAmzDate } from "./sigv4.ts";
import { awsSigner } from "./test-signer.ts";

/** Credentials, scope and values of AWS's published test suite for Signature Version 4 ("aws-sig-v4-test-suite"). */
const CREDENTIALS = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: new Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
  sessionToken: undefined,
};
const SCOPE = { amzDate: "20150830T123600Z", region: "us-east-1", service: "service" };
const HOST = ["host", "example.amazonaws.com"];
const DATE = ["x-amz-date", SCOPE.amzDate];
const ALPHABET = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const TOKEN =
  "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

interface Vector {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly more?: readonly string[];
  readonly body?: string;
  readonly want: string;
}

const VANILLA = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
const VANILLA_POST = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
const FORM = ["content-type", "application/x-www-form-urlencoded"];

const vectors: readonly Vector[] = [
  { name: "get-vanilla", want: VANILLA },
  { name: "get-vanilla-query", path: "/?", want: VANILLA },
  {
    name: "get-vanilla-empty-query-key",
    path: "/?Param1=value1",
    want: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
  },
  {
    name: "get-vanilla-query-order-key-case",
    path: "/?Param2=value2&Param1=value1",
    want: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  },
  {
    name: "get-vanilla-query-unreserved",
    path: `/?${ALPHABET}=${ALPHABET}`,
    want: "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
  },
  {
    name: "get-vanilla-utf8-query",
    path: "/?ሴ=bar",
    want: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
  },
  { name: "get-utf8", path: "/ሴ", want: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
  {
    name: "get-unreserved",
    path: `/${ALPHABET}`,
    want: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
  },
  {
    name: "get-space",
    path: "/example space/",
    want: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
  },
  { name: "get-relative", path: "/example/..", want: VANILLA },
  { name: "get-relative-relative", path: "/example1/example2/../..", want: VANILLA },
  { name: "get-slash", path: "//", want: VANILLA },
  { name: "get-slash-dot-slash", path: "/./", want: VANILLA },
  {
    name: "get-slash-pointless-dot",
    path: "/./example",
    want: "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
  },
  {
    name: "get-slashes",
    path: "//example//",
    want: "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
  },
  { name: "post-vanilla", method: "POST", want: VANILLA_POST },
  {
    name: "post-vanilla-query",
    method: "POST",
    path: "/?Param1=value1",
    want: "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
  },
  {
    name: "post-x-www-form-urlencoded",
    method: "POST",
    more: FORM,
    body: "Param1=value1",
    want: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
  },
  {
    name: "post-x-www-form-urlencoded-parameters",
    method: "POST",
    more: [...FORM.slice(0, 1), "application/x-www-form-urlencoded; charset=utf8"],
    body: "Param1=value1",
    want: "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
  },
  {
    name: "get-header-value-order",
    more: ["my-header1", "value4,value1,value3,value2"],
    want: "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
  },
  {
    name: "post-header-key-sort",
    method: "POST",
    more: ["my-header1", "value1"],
    want: "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
  },
  {
    name: "post-sts-header-before",
    method: "POST",
    more: ["x-amz-security-token", TOKEN],
    want: "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
  },
];

for (const { name, method = "GET", path = "/", more = [], body = "", want } of vectors) {
  test(`AWS's test vector ${name}`, () => {
    const headers = sorted([...HOST, ...DATE, ...more]);
    const got = authorizationV4({ method, path, headers, body: Buffer.from(body) }, CREDENTIALS, SCOPE);
    const names = headers.filter((_, index) => index % 2 === 0).join(";");
    const credential = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
    assert.equal(got, `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${want}`);
  });
}

test("dates are those of UTC, to the second", () => {
  assert.equal(formatAmzDate(Date.UTC(2015, 7, 30, 12, 36, 0, 999)), "20150830T123600Z");
});

test("a changed scope or credential gets a key of its own", () => {
  const sign = (secret: string, amzDate: string, region: string): string => {
    const request = { method: "GET", path: "/", headers: HOST, body: Buffer.alloc(0) };
    const credentials = { ...CREDENTIALS, secretAccessKey: new Secret(secret) };
    return authorizationV4(request, credentials, { ...SCOPE, amzDate, region }).slice(-64);
  };
  const signatures = [
    sign("one", "20150830T123600Z", "us-east-1"),
    sign("two", "20150830T123600Z", "us-east-1"),
    sign("one", "20150831T123600Z", "us-east-1"),
    sign("one", "20150830T123600Z", "eu-west-1"),
  ];
  assert.equal(new Set(signatures).size, 4);
  const request = { method: "GET", path: "/", headers: HOST, body: Buffer.alloc(0) };
  const kept = ["us-east-1", "eu-west-1", "us-east-1"].map((region) =>
    authorizationV4(request, CREDENTIALS, { ...SCOPE, region }),
  );
  assert.equal(kept[0], kept[2]);
  assert.notEqual(kept[0], kept[1]);
});

const odd = fc.string({ unit: fc.constantFrom(..."aZ9-._~:@+%!'()*,;=$& /é\u{1F600}|^[]{}\"\\"), maxLength: 12 });
const segment = odd.map((text) => encodeURIComponent(text));
/** As a client may send it: some of what could be escaped is not. */
const loose = odd.map((text) => encodeURIComponent(text).replace(/%(?:3A|40|2B|24|2C|3B)/g, decodeURIComponent));
const query = fc.dictionary(odd, fc.oneof(odd, fc.array(odd, { minLength: 1, maxLength: 3 })), {
  maxKeys: 4,
  noNullPrototype: true,
});

test("signatures are those of AWS's own library, whatever is signed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(segment, loose), { maxLength: 5 }),
      query,
      fc.uint8Array({ maxLength: 200 }),
      fc.option(fc.base64String({ minLength: 4, maxLength: 60 })),
      fc.date({ min: new Date("2000-01-01"), max: new Date("2099-12-31"), noInvalidDate: true }),
      async (segments, parameters, body, token, date) => {
        const path = `/${segments.join("/")}`;
        const amzDate = formatAmzDate(date.getTime());
        const headers = ["host", "bedrock-runtime.eu-west-1.amazonaws.com", "x-amz-date", amzDate];
        if (token !== null) headers.push("x-amz-security-token", token);
        const sent = { method: "POST", path: path + search(parameters), headers: sorted(headers), body };
        const scope = { amzDate, region: "eu-west-1", service: "bedrock" };
        const want = await oracle({ path, parameters, body, token, date });
        assert.equal(authorizationV4(sent, CREDENTIALS, scope), want);
      },
    ),
    { numRuns: 300 },
  );
});

interface Signed {
  readonly path: string;
  readonly parameters: Record<string, string | string[]>;
  readonly body: Uint8Array;
  readonly token: string | null;
  readonly date: Date;
}

async function oracle({ path, parameters, body, token, date }: Signed): Promise<string | undefined> {
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  const identity = {
    accessKeyId,
    secretAccessKey: secretAccessKey.reveal(),
    ...(token !== null && { sessionToken: token }),
  };
  const signer = awsSigner(identity, "eu-west-1");
  const hostname = "bedrock-runtime.eu-west-1.amazonaws.com";
  const request = {
    method: "POST",
    protocol: "https:",
    hostname,
    path,
    query: parameters,
    headers: { host: hostname },
  };
  const signed = await signer.sign({ ...request, body }, { signingDate: date });
  return signed.headers["authorization"];
}

function search(parameters: Record<string, string | string[]>): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]) =>
    [value].flat().map((one) => [name, one] as const),
  );
  if (pairs.length === 0) return "";
  return `?${pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&")}`;
}

function sorted(headers: readonly string[]): string[] {
  const pairs: string[][] = [];
  for (let i = 0; i < headers.length; i += 2) pairs.push(headers.slice(i, i + 2));
  return pairs.sort(([a = ""], [b = ""]) => (a < b ? -1 : 1)).flat();
}
