import { type Group, UPSTREAM_PORT } from "../case.ts";
import { backend, CHAT, chat, route, upstream } from "../configs.ts";

const CONFIG = `${route(
  "mutation",
  `
    - matches:
        - headers: [{ type: RegularExpression, name: x-ai-eg-model, value: ".*" }]
      backendRefs:
        - name: openai
          headerMutation:
            set: [{ name: X-From, value: rule }, { name: x-rule, value: "1" }]
            remove: [x-secret]
          bodyMutation:
            set:
              - { path: service_tier, value: '"flex"' }
              - { path: metadata.owner, value: rule }
              - { path: top_p, value: "0.5" }
            remove: [debug]`,
)}
${backend(
  "openai",
  "{ name: OpenAI }",
  `  headerMutation:
    set: [{ name: x-from, value: backend }, { name: x-backend, value: "1" }, { name: x-ai-eg-model, value: forged }]
    remove: [x-internal]
  bodyMutation:
    set: [{ path: service_tier, value: '"default"' }, { path: store, value: "false" }]
    remove: [user]
`,
)}
${upstream(UPSTREAM_PORT)}`;

/** Header and body rewrites. */
export const MUTATION: Group = {
  name: "mutation",
  cases: [
    {
      name: "headers are set and removed by backend and rule, and the rule's value wins",
      config: CONFIG,
      request: { path: CHAT, headers: { "x-secret": "s", "x-internal": "i", "x-kept": "k" }, body: chat("m") },
      want: {
        status: 200,
        upstream: {
          headers: {
            "x-from": "rule",
            "x-rule": "1",
            "x-backend": "1",
            "x-kept": "k",
            "x-secret": undefined,
            "x-internal": undefined,
            "x-ai-eg-model": undefined,
          },
        },
      },
    },
    {
      name: "body fields are set and removed, typed as their text looks, and the rest keeps its bytes",
      config: CONFIG,
      request: {
        path: CHAT,
        body: '{"model": "m", "debug": {"a":1}, "user":"u", "messages": [ ], "seed": 12345678901234567890}',
      },
      want: {
        status: 200,
        upstream: {
          body: /^(?!.*debug)(?!.*"user")(?=.*"service_tier":"flex")(?=.*"store":false)(?=.*"top_p":0\.5)(?=.*"metadata":\{"owner":"rule"\})\{"model": "m".*"messages": \[ \], "seed": 12345678901234567890/,
        },
      },
    },
    {
      name: "a field that is there already is replaced, not added twice",
      config: CONFIG,
      request: { path: CHAT, body: '{"model":"m","service_tier":"auto","messages":[],"metadata":{"a":"b"}}' },
      want: {
        status: 200,
        upstream: { body: { json: { service_tier: "flex", metadata: { a: "b", owner: "rule" }, store: false } } },
      },
    },
    {
      name: "a stream's body is rewritten too",
      config: CONFIG,
      request: { path: CHAT, body: chat("m", { stream: true, debug: true }) },
      want: {
        status: 200,
        body: /data: \[DONE\]\n\n$/,
        upstream: { body: /^(?!.*debug)(?=.*"include_usage":true)(?=.*"service_tier":"flex").*$/ },
      },
    },
  ],
};
