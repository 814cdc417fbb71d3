import assert from "node:assert/strict";
import { test } from "node:test";
import { Command, InvalidArgumentError } from "commander";
import { registerEnvoyConfig } from "./envoy-config.ts";
import { registerExtproc } from "./extproc.ts";
import { hostAndPort, socketAddress } from "./options.ts";
import { registerRun } from "./run.ts";

const ADDRESSES: readonly { readonly text: string; readonly want: object }[] = [
  { text: "unix:/run/aigw.sock", want: { path: "/run/aigw.sock" } },
  { text: "unix:///run/aigw.sock", want: { path: "/run/aigw.sock" } },
  { text: "127.0.0.1:1063", want: { host: "127.0.0.1", port: 1063 } },
  { text: "processor.example:0", want: { host: "processor.example", port: 0 } },
  { text: "[::1]:1063", want: { host: "::1", port: 1063 } },
];

for (const { text, want } of ADDRESSES) {
  test(`${text} is an address`, () => assert.deepEqual(socketAddress(text), want));
}

for (const text of [
  "",
  "1063",
  ":1063",
  "localhost",
  "a:b",
  "127.0.0.1:65536",
  "::1:1063",
  "unix:relative",
  "http://a:1",
]) {
  test(`"${text}" is no address`, () => {
    assert.throws(() => socketAddress(text), InvalidArgumentError);
    assert.throws(() => hostAndPort(text), InvalidArgumentError);
  });
}

/** What a command says of arguments that it refuses. */
async function refusal(register: (program: Command) => void, args: readonly string[]): Promise<string> {
  let said = "";
  const program = new Command("aigw").exitOverride();
  register(program);
  for (const command of program.commands) {
    command.exitOverride().configureOutput({ writeErr: (text) => (said += text) });
  }
  await assert.rejects(program.parseAsync(["node", "aigw", ...args]));
  return said;
}

const REFUSED: readonly {
  readonly name: string;
  readonly register: (program: Command) => void;
  readonly args: readonly string[];
  readonly want: RegExp;
}[] = [
  {
    name: "an address given to --host is told where it goes",
    register: registerRun,
    args: ["run", "--host", "127.0.0.1"],
    want: /"embedded" or "envoy" is wanted; the address to listen on is --address/,
  },
  {
    name: "a rate limit service without a port",
    register: registerRun,
    args: ["run", "--rate-limit-service", "limits"],
    want: /host:port is wanted/,
  },
  {
    name: "a processor that listens nowhere",
    register: registerExtproc,
    args: ["extproc", "--listen", "somewhere"],
    want: /--listen <where>.*host:port is wanted/,
  },
  {
    name: "a processor that is nowhere",
    register: registerEnvoyConfig,
    args: ["envoy-config", "--processor", "x"],
    want: /--processor <where>.*host:port is wanted/,
  },
  {
    name: "a message timeout of nothing",
    register: registerEnvoyConfig,
    args: ["envoy-config", "--message-timeout", "0"],
    want: /--message-timeout <ms>.*milliseconds from 1 to 3600000 are wanted/,
  },
  {
    name: "a message timeout with a unit",
    register: registerRun,
    args: ["run", "--message-timeout", "10s"],
    want: /milliseconds from 1 to 3600000 are wanted/,
  },
];

for (const { name, register, args, want } of REFUSED) {
  test(`${name} is refused`, async () => assert.match(await refusal(register, args), want));
}
