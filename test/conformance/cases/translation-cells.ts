/** Every client dialect at every provider: the same behaviours, told for each pair in the words of both. */
import type { Case, Want, WantText } from "../case.ts";
import { CHAT, chat, MESSAGES } from "../configs.ts";
import { CONFIG, PROVIDERS, type Provider, STRICT } from "./translation-providers.ts";

const JSON_SCHEMA = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

/** A client dialect: how it asks for things, and what it is told. */
interface Client {
  readonly name: string;
  readonly path: string;
  readonly tools: object;
  /** Messages in which a tool was called after some thinking, and has answered. */
  readonly turns: readonly object[];
  readonly whole: WantText;
  readonly wholeTool: WantText;
  readonly stream: RegExp;
  readonly streamTool: RegExp;
  readonly wholeThinking: WantText;
  readonly streamThinking: RegExp;
  /** Bodies of errors. */
  readonly throttled: RegExp;
}

const SAID = "This is a simulated answer; no model was asked. You said: hello";
const THOUGHT = "Simulated thinking about: hello";

const ASKED = { role: "user", content: "What is the weather?" };
const SIGNATURE = "c2lnbmVkIGJlZm9yZQ==";

/** Order and place of members differ from provider to provider. */
const CLIENTS: readonly Client[] = [
  {
    name: "chat",
    path: CHAT,
    tools: { tools: [{ type: "function", function: { name: "get_weather", parameters: JSON_SCHEMA } }] },
    turns: [
      ASKED,
      {
        role: "assistant",
        thinking_blocks: [{ type: "thinking", thinking: "Hm.", signature: SIGNATURE }],
        tool_calls: [
          { id: "call_1", type: "function", function: { name: "get_weather", arguments: '{"city":"Bern"}' } },
        ],
      },
      { role: "tool", tool_call_id: "call_1", content: "It is sunny." },
    ],
    whole: { json: { choices: [{ message: { content: SAID }, finish_reason: "stop" }], usage: { prompt_tokens: 12 } } },
    wholeTool: {
      json: {
        choices: [
          {
            message: { tool_calls: [{ function: { name: "get_weather", arguments: '{"city":"simulated"}' } }] },
            finish_reason: "tool_calls",
          },
        ],
      },
    },
    stream: /^data: \{"id"(?=.*"role":"assistant")(?=.*"content":"This").*"finish_reason":"stop".*data: \[DONE\]\n\n$/s,
    streamTool:
      /^data: \{"id"(?=.*"tool_calls":\[\{"index":0,"id":"[^"]+")(?=.*"name":"get_weather").*"finish_reason":"tool_calls".*data: \[DONE\]\n\n$/s,
    wholeThinking: { json: { choices: [{ message: { reasoning_content: THOUGHT, content: SAID } }] } },
    streamThinking:
      /^data: (?=.*"signature":"sig_).*"reasoning_content":"Simulated thinking about: hello".*"content":"This".*\[DONE\]\n\n$/s,
    throttled: /^\{.*"error": ?\{.*"message": ?"Rate limit reached\. Please try again in 1s\."/s,
  },
  {
    name: "messages",
    path: MESSAGES,
    tools: { tools: [{ name: "get_weather", input_schema: JSON_SCHEMA }] },
    turns: [
      ASKED,
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Hm.", signature: SIGNATURE },
          { type: "tool_use", id: "call_1", name: "get_weather", input: { city: "Bern" } },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "call_1", content: "It is sunny." }] },
    ],
    whole: { json: { type: "message", content: [{ text: SAID }], stop_reason: "end_turn" } },
    wholeTool: {
      json: {
        content: [{ type: "tool_use", name: "get_weather", input: { city: "simulated" } }],
        stop_reason: "tool_use",
      },
    },
    stream:
      /^event: message_start\n.*"text_delta","text":"This".*"stop_reason":"end_turn".*event: message_stop\ndata: \{"type":"message_stop"\}\n\n$/s,
    streamTool:
      /"content_block":\{"type":"tool_use",.*"name":"get_weather".*"input_json_delta".*"stop_reason":"tool_use".*"message_stop"\}\n\n$/s,
    wholeThinking: { json: { content: [{ type: "thinking", thinking: THOUGHT }] } },
    streamThinking:
      /"content_block":\{"type":"thinking"(?=.*"signature_delta","signature":"sig_).*"thinking_delta","thinking":"Simulated thinking about: hello".*"text_delta","text":"This".*"message_stop"\}\n\n$/s,
    throttled: /^\{"type":"error","error":\{"type":"[^"]+","message":"Rate limit reached\. Please try again in 1s\."/,
  },
];

interface Asked {
  readonly body?: object;
  readonly simulate?: string;
  readonly config?: string;
}

/** A pair of dialects. */
class Cell {
  readonly client: Client;
  readonly provider: Provider;

  constructor(client: Client, provider: Provider) {
    this.client = client;
    this.provider = provider;
  }

  case(what: string, { body, simulate, config = CONFIG }: Asked, want: Want): Case {
    const { client, provider } = this;
    return {
      name: `${client.name} to ${provider.schema}: ${what}`,
      config,
      request: {
        path: client.path,
        body: chat(provider.alias, { max_tokens: 4000, ...body }),
        ...(simulate !== undefined && { headers: { "x-simulate": simulate } }),
      },
      want,
    };
  }
}

function answers(cell: Cell): Case[] {
  const { client, provider } = cell;
  const cached = { simulate: "cached-tokens=10" };
  const log = {
    outcome: "ok",
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 16,
    costs: { input: 12, cached: 10, output: 16, weighted: 132 },
  };
  const say = { messages: [{ role: "user", content: "use get_weather" }], ...client.tools };
  const json = { "content-type": /^application\/json/, "x-aigw-dropped-fields": undefined };
  const events = { "content-type": /^text\/event-stream/, "x-aigw-dropped-fields": undefined };
  return [
    cell.case("an answer, its usage and its costs", cached, {
      status: 200,
      headers: json,
      body: client.whole,
      upstream: { path: provider.path },
      log,
    }),
    cell.case(
      "a stream, its usage and its costs",
      { ...cached, body: { stream: true } },
      {
        status: 200,
        headers: events,
        body: client.stream,
        upstream: { path: provider.streamPath },
        log: { ...log, stream: true },
      },
    ),
    cell.case("a call of a tool", { body: say }, { status: 200, body: client.wholeTool }),
    cell.case(
      "a call of a tool, streamed",
      { body: { ...say, stream: true } },
      { status: 200, body: client.streamTool },
    ),
  ];
}

/** The next turn: what a tool says is taken back, and what was thought before. */
function nextTurn(cell: Cell): Case {
  const { client, provider } = cell;
  const given = provider.thinks ? new RegExp(`(?=.*${SIGNATURE}).*It is sunny`, "s") : /It is sunny/;
  return cell.case(
    "a tool's result, and the thinking before its call",
    { body: { messages: client.turns, ...client.tools } },
    {
      status: 200,
      body: /The tool said: .*It is sunny/,
      upstream: { body: given },
    },
  );
}

function thoughts(cell: Cell): Case[] {
  const { client, provider } = cell;
  if (!provider.thinks) return [];
  const body = { thinking: { type: "enabled", budget_tokens: 1024 } };
  return [
    cell.case("thinking", { body }, { status: 200, body: client.wholeThinking }),
    cell.case("thinking, streamed", { body: { ...body, stream: true } }, { status: 200, body: client.streamThinking }),
  ];
}

/** How a stream that has begun must end when the provider fails: with an error the caller's SDK raises. */
const BROKEN: Want = {
  status: 200,
  body: /^(?!.*\[DONE\])(?!.*message_stop)(?:.*\n)?data: \{"type":"error","error":\{[^\n]+\}\n\n$/s,
  log: { outcome: "error", "error.type": /^upstream_(reset_mid_stream|invalid)$/ },
};

const BAD_FRAME: Want = {
  ...BROKEN,
  log: { outcome: "error", "error.type": "upstream_invalid", usage_estimated: true },
};

/** The fault that resets the connection in a stream, which not every host can tell the caller. */
export const RESET_CASE = "a stream that is reset ends with an error";

function faults(cell: Cell): Case[] {
  const { client, provider } = cell;
  const body = { stream: true };
  return [
    ...[false, true].map((stream) =>
      cell.case(
        `an error of the provider's${stream ? " instead of a stream" : ""}`,
        { simulate: "status=429", body: { stream } },
        {
          status: 429,
          headers: { "content-type": /^application\/json/, "retry-after": "1" },
          body: client.throttled,
          log: { outcome: "error", "error.type": "upstream_error" },
        },
      ),
    ),
    cell.case(
      "an error inside of a stream",
      { simulate: "fault=in-band-error", body },
      {
        status: 200,
        body: /^(?!.*\[DONE\])(?!.*message_stop).*data: \{[^\n]*"error":[^\n]*Overloaded[^\n]*\n\n$/s,
        log: { outcome: "error", "error.type": "upstream_error", usage_estimated: true },
      },
    ),
    cell.case(RESET_CASE, { simulate: "fault=reset-mid-stream", body }, BROKEN),
    cell.case("a stream that stops in the middle of an event", { simulate: "fault=truncated-stream", body }, BROKEN),
    cell.case(
      "a stream that comes byte by byte",
      { simulate: "fault=bytewise", body },
      { status: 200, body: client.stream },
    ),
    ...(provider.isFramed
      ? [cell.case("a frame with a wrong checksum", { simulate: "fault=bad-crc", body }, BAD_FRAME)]
      : []),
  ];
}

/** `logit_bias` is OpenAI's own, `top_k` is everyone else's. */
function losses(cell: Cell): Case[] {
  const { client, provider } = cell;
  const field = provider.schema === "OpenAI" ? "top_k" : "logit_bias";
  if ((client.path === CHAT) === (field === "top_k")) return [];
  const lost = { [field]: field === "top_k" ? 5 : { "42": 5 } };
  return [
    ...[false, true].map((stream) =>
      cell.case(
        `what it has no word for is dropped and named${stream ? ", streamed" : ""}`,
        { body: { ...lost, stream } },
        {
          status: 200,
          headers: { "x-aigw-dropped-fields": field },
          upstream: { body: new RegExp(`^(?!.*${field}).*$`, "s") },
          log: { dropped_fields: field },
        },
      ),
    ),
    cell.case(
      "what it has no word for is refused where that is wanted",
      { body: lost, config: STRICT },
      {
        status: 422,
        upstream: null,
        log: { "error.type": "untranslatable", dropped_fields: field },
      },
    ),
  ];
}

const CELLS = CLIENTS.flatMap((client) => PROVIDERS.map((provider) => new Cell(client, provider)));

/** Every pair of a client dialect and a provider. */
export const CELL_CASES: readonly Case[] = CELLS.flatMap((cell) => [
  ...answers(cell),
  nextTurn(cell),
  ...thoughts(cell),
  ...faults(cell),
  ...losses(cell),
]);

/** Names of the cases in which a provider resets a stream. */
export const RESET_CASES: readonly string[] = CELL_CASES.map(({ name }) => name).filter((name) =>
  name.endsWith(RESET_CASE),
);
