/**
 * A simulated model provider: one HTTP server that answers as OpenAI, Azure OpenAI, Anthropic, Amazon Bedrock, Gemini and
 * Vertex AI do, without a model, with settable delays and with every fault a provider can have. Newcomers try the gateway against it, and the tests use
 * it as their upstream. It never leaves the machine and costs nothing.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { MultipartError, MultipartForm, readBoundary } from "../wire/multipart.ts";
import { answerPrompt } from "./answer.ts";
import { type AwsKey, isSigned, signatureFault } from "./aws-signature.ts";
import { type Behaviour, behaveByHeader, behaveByModel, ORDINARY } from "./behaviour.ts";
import { findFault, http } from "./faults.ts";
import { findTarget, renderModels, type Target } from "./operations.ts";
import { type JsonObject, type Prompt, readPrompt } from "./prompt.ts";
import { type Recorded, type RecordedRequest, Recorder } from "./recorder.ts";
import { type Delivery, type Reply, send } from "./reply.ts";
import type { Rendered } from "./shape.ts";
import { Refusal, refusalHeaders, renderRefusal, type Vendor, vendorHeaders } from "./vendor.ts";

/** How a simulator is started. */
export interface SimulatorOptions {
  /** 0 = a free port. */
  readonly port: number;
  /** Address to listen on, 127.0.0.1 unless told. */
  readonly host?: string;
  /** Speaks HTTP/2 in clear text instead of HTTP/1.1; faults of the connection become resets of the stream. */
  readonly http2?: true;
  /** How every request is answered unless its model or `x-simulate` header says otherwise. */
  readonly behaviour?: Partial<Behaviour>;
  /** The only key that is accepted; any and none is, unless told. */
  readonly apiKey?: string;
  /** Signed requests must be signed with one of these; unless told, a signature is not looked at. */
  readonly awsKeys?: readonly AwsKey[];
  /** Keep this many of the last requests in {@link Simulator.requests}; none unless told. */
  readonly record?: number;
}

/** A running simulator. */
export interface Simulator {
  readonly port: number;
  /** The last requests, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** Stops listening and cuts every connection. */
  close(): Promise<void>;
}

/** Larger than any limit of the gateway, so that it is the gateway's limit that is tested. */
const HEADER_BYTES_MAX = 1024 * 1024;

/** Starts a simulator; rejects when the port is taken. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const recorder = new Recorder(options.record ?? 0);
  const defaults = { ...ORDINARY, ...options.behaviour };
  let serial = 0;
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const { apiKey, awsKeys } = options;
    const exchange = new Exchange(request, response, { serial: ++serial, defaults, apiKey, awsKeys });
    exchange.run(recorder);
  };
  const server = options.http2 ? http2Server(serve) : http1Server(serve);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host ?? "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    requests: recorder.requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

/** What both kinds of server have in common. */
interface Listening extends Server {
  closeAllConnections(): void;
}

function http1Server(serve: Serve): Listening {
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX, requestTimeout: 0 }, serve);
  server.keepAliveTimeout = 75_000;
  return server;
}

function http2Server(serve: Serve): Listening {
  const sessions = new Set<ServerHttp2Session>();
  const server = createHttp2Server((request, response) => {
    // node:http2 offers its requests and responses in the shape of node:http's, as far as they are used here.
    serve(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  });
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  const closeAllConnections = (): void => {
    for (const session of sessions) session.destroy();
  };
  return Object.assign(server, { closeAllConnections });
}

interface ExchangeContext {
  readonly serial: number;
  readonly defaults: Behaviour;
  readonly apiKey: string | undefined;
  readonly awsKeys: readonly AwsKey[] | undefined;
}

/** One request and its answer. */
class Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #context: ExchangeContext;
  readonly #chunks: Buffer[] = [];
  #sent = false;

  constructor(request: IncomingMessage, response: ServerResponse, context: ExchangeContext) {
    this.#request = request;
    this.#response = response;
    this.#context = context;
  }

  run(recorder: Recorder): void {
    const recorded = recorder.start(this.#request);
    this.#response.once("close", () => recorded.end(!this.#sent));
    this.#request.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
    this.#request.once("end", () => this.#answer(recorded));
  }

  #answer(recorded: Recorded): void {
    const body = Buffer.concat(this.#chunks);
    recorded.body(body);
    const isAnthropicClient = this.#request.headers["anthropic-version"] !== undefined;
    const [path = "", query] = (this.#request.url ?? "").split("?", 2);
    const target = findTarget(path, new URLSearchParams(query), isAnthropicClient);
    const vendor = target?.operation.vendor ?? (isAnthropicClient ? "anthropic" : "openai");
    let behaviour = this.#context.defaults;
    try {
      if (target === undefined) throw new Refusal(404, `Invalid URL (${path})`);
      this.#checkRequest(target, body);
      const prompt = parsePrompt(body, this.#request.headers["content-type"], target);
      behaviour = this.#behave(prompt);
      if (behaviour.status !== 200) throw Refusal.ofStatus(behaviour.status);
      this.#deliver(this.#render(target, prompt, behaviour), behaviour);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#deliver(this.#refuse(vendor, behaviour, error), behaviour);
    }
  }

  #checkRequest({ operation }: Target, body: Buffer): void {
    const wanted = operation.render === "models" ? "GET" : "POST";
    const { method, headers, url = "" } = this.#request;
    if (method !== wanted) throw new Refusal(405, `Not allowed to ${method} here; use ${wanted}`);
    const { apiKey, awsKeys } = this.#context;
    if (awsKeys !== undefined && isSigned(headers)) {
      const fault = signatureFault({ method, url, headers, body }, awsKeys, Date.now());
      if (fault !== undefined) throw new Refusal(403, fault);
      return;
    }
    const keys = [headers["x-api-key"], headers["api-key"], headers["x-goog-api-key"]];
    const given = keys.find((key) => key !== undefined) ?? headers.authorization?.replace(/^bearer /i, "");
    if (apiKey !== undefined && given !== apiKey) throw Refusal.ofStatus(401);
  }

  #behave(prompt: Prompt): Behaviour {
    const header = this.#request.headers["x-simulate"];
    const behaviour = behaveByModel(this.#context.defaults, prompt.model);
    return typeof header === "string" ? behaveByHeader(behaviour, header) : behaviour;
  }

  #render({ operation: { vendor, render } }: Target, prompt: Prompt, behaviour: Behaviour): Reply {
    const { serial } = this.#context;
    const created = Math.floor(Date.now() / 1000);
    const usageShape = findFault(behaviour.fault).usage ?? "normal";
    const stream = prompt.stream && typeof render === "object";
    const headers = vendorHeaders(vendor, serial, stream);
    const unary = (text: string): Reply => ({ status: 200, headers, pieces: [Buffer.from(text)], stream: false });
    if (render === "models") return unary(renderModels(vendor));
    const answer = answerPrompt(prompt, behaviour, { serial, created, usageShape });
    if (typeof render === "function") return this.#reply(vendor, render(prompt, answer));
    if (!stream) return unary(render.unary(answer));
    return { status: 200, headers, pieces: render.events(answer).map((event) => Buffer.from(event)), stream };
  }

  #reply(vendor: Vendor, rendered: Rendered): Reply {
    const { pieces, contentType, headers: more = [], stream = false, errorPiece } = rendered;
    const headers = vendorHeaders(vendor, this.#context.serial, stream);
    if (contentType !== undefined) headers[headers.indexOf("content-type") + 1] = contentType;
    headers.push(...more);
    return {
      ...{ status: 200, headers, pieces: pieces.map((piece) => Buffer.from(piece)), stream },
      ...(errorPiece === undefined ? {} : { errorPiece: Buffer.from(errorPiece) }),
    };
  }

  #refuse(vendor: Vendor, behaviour: Behaviour, refusal: Refusal): Reply {
    const { serial } = this.#context;
    const headers = [...vendorHeaders(vendor, serial, false), ...refusalHeaders(vendor, refusal)];
    const retryAfter = behaviour.retryAfter ?? (refusal.status === 429 ? "1" : undefined);
    if (retryAfter !== undefined) headers.push("retry-after", retryAfter);
    const pieces = [Buffer.from(renderRefusal(vendor, serial, refusal))];
    return { status: refusal.status, headers, pieces, stream: false };
  }

  #deliver(reply: Reply, behaviour: Behaviour): void {
    const plan = findFault(behaviour.fault).deliver?.(reply) ?? http(reply, reply.pieces);
    if (plan instanceof Promise) void plan.then((delivery) => this.#sendLater(delivery, behaviour));
    else this.#sendLater(plan, behaviour);
  }

  #sendLater(delivery: Delivery, behaviour: Behaviour): void {
    const go = (): void => {
      if (this.#response.destroyed) return;
      send(this.#response, delivery, behaviour.chunkDelayMs, () => {
        this.#sent = true;
      });
    };
    if (behaviour.delayMs === 0) go();
    else setTimeout(go, behaviour.delayMs);
  }
}

/** Reads a body; a model in the path stands in for a missing one. */
function parsePrompt(body: Buffer, contentType: string | undefined, target: Target): Prompt {
  if (target.operation.render === "models") return readPrompt({});
  const boundary = contentType === undefined ? undefined : readBoundary(contentType);
  const fields = boundary === undefined ? parseJson(body) : parseForm(body, boundary);
  const prompt = readPrompt(target.operation.read?.(fields) ?? fields);
  const model = prompt.model === "" ? (target.model ?? "") : prompt.model;
  if (model === "") throw new Refusal(400, "you must provide a model parameter");
  return { ...prompt, model };
}

function parseJson(body: Buffer): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(body.toString());
  } catch {
    throw new Refusal(400, "We could not parse the JSON body of your request.");
  }
  if (typeof json !== "object" || json === null) throw new Refusal(400, "The body must be a JSON object.");
  return json as JsonObject;
}

/** The text fields of a form, as a JSON body would have them. */
function parseForm(body: Buffer, boundary: string): JsonObject {
  try {
    const form = new MultipartForm(body, boundary);
    const texts = form.parts
      .filter(({ isFile }) => !isFile)
      .map(({ name, start, end }) => [name, form.bytes.toString("utf8", start, end)] as const);
    const fields: JsonObject = Object.fromEntries(texts);
    return { ...fields, stream: fields["stream"] === "true" };
  } catch (error) {
    if (error instanceof MultipartError) throw new Refusal(400, error.message);
    throw error;
  }
}
