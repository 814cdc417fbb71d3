import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRedisUrl, type RedisAddress } from "./redis-address.ts";

const PLAIN: RedisAddress = {
  kind: "server",
  nodes: [{ host: "redis.example", port: 6379 }],
  master: "",
  database: 0,
  username: undefined,
  password: undefined,
  isTls: false,
};

const CASES: readonly { url: string; want: Partial<RedisAddress> }[] = [
  { url: "redis://redis.example", want: {} },
  { url: "redis://redis.example/", want: {} },
  { url: "redis://redis.example:6380/3", want: { nodes: [{ host: "redis.example", port: 6380 }], database: 3 } },
  { url: "rediss://[::1]:6380", want: { nodes: [{ host: "::1", port: 6380 }], isTls: true } },
  { url: "redis://:p%40ss%2Fw:rd@redis.example", want: { password: "p@ss/w:rd" } },
  { url: "redis://aigw:secret@redis.example", want: { username: "aigw", password: "secret" } },
  {
    url: "redis+sentinel://:secret@a,b:26380/main/1",
    want: {
      kind: "sentinel",
      nodes: [
        { host: "a", port: 26379 },
        { host: "b", port: 26380 },
      ],
      master: "main",
      database: 1,
      password: "secret",
    },
  },
  {
    url: "rediss+cluster://a:7000,b:7001",
    want: {
      kind: "cluster",
      nodes: [
        { host: "a", port: 7000 },
        { host: "b", port: 7001 },
      ],
      isTls: true,
    },
  },
];

for (const { url, want } of CASES) {
  test(`${url} is read`, () => assert.deepEqual(parseRedisUrl(url), { ...PLAIN, ...want }));
}

for (const url of [
  "",
  "redis.example:6379",
  "http://redis.example",
  "redis://",
  "redis://a,b",
  "redis://a:0",
  "redis://a:70000",
  "redis://a/one",
  "redis://a/1/2",
  "redis://hunter2@a",
  "redis://:%zz@a",
  "redis+sentinel://a",
  "redis+cluster://a/1",
]) {
  test(`"${url}" is refused, and not repeated`, () => {
    assert.throws(
      () => parseRedisUrl(url),
      (error: Error) => !error.message.includes("hunter2") && !error.message.includes("%zz"),
    );
  });
}
